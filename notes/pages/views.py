"""Notes in the browser: what is looked at, and the forms that change it."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import Viewer, require_confirmed
from chats.pages.base import page, refusal_words
from chats.pages.rendering.code_blocks import rendered
from common.errors import ParleyError
from notes import services
from notes.messages import chat_of, save_own_message
from notes.pages.forms import NoteForm

PAGE = 30


@require_safe
@page
def note_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """List notes: all, found by words, or those with a tag."""
    search, tag = request.GET.get("search", "").strip()[:200], request.GET.get("tag", "")[:80]
    found = services.list_notes(
        owner_id=viewer.id, search=search.replace("\0", ""), tag=tag.replace("\0", ""), before=_before(request),
        limit=PAGE,
    )  # fmt: skip
    context = {"found": found, "search": search, "tag": tag}
    return render(request, "notes/found.html" if "HX-Request" in request.headers else "notes/list.html", context)


def _before(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.GET.get("before", ""))
    except ValueError:
        return None


@require_safe
@page
def note_detail(request: HttpRequest, viewer: Viewer, note_id: UUID) -> HttpResponse:
    """Show a note as a message is shown: what is in it is inert."""
    found = services.read_note(owner_id=viewer.id, note_id=note_id)
    chat_id = chat_of(viewer.id, found.source_message) if found.source_message else None
    context = {"note": found, "html": mark_safe(rendered(found.content)), "chat_id": chat_id}  # noqa: S308
    return render(request, "notes/note.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def new(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """Write a note."""
    form = NoteForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(request, "notes/form.html", {"form": form}, status=400 if form.is_bound else 200)
    require_confirmed(viewer)
    saved = services.save_note(owner_id=viewer.id, **form.cleaned_data)
    return redirect("note-page", saved.note.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def edit(request: HttpRequest, viewer: Viewer, note_id: UUID) -> HttpResponse:
    """Change a note."""
    found = services.read_note(owner_id=viewer.id, note_id=note_id)
    form = NoteForm(request.POST if request.method == "POST" else None, found)
    if not form.is_valid():
        return render(request, "notes/form.html", {"form": form, "note": found}, status=400 if form.is_bound else 200)
    require_confirmed(viewer)
    services.change_note(owner_id=viewer.id, note_id=note_id, **form.cleaned_data)
    return redirect("note-page", note_id)


@require_POST
@page
def delete(request: HttpRequest, viewer: Viewer, note_id: UUID) -> HttpResponse:
    """Delete a note for good."""
    services.delete_note(owner_id=viewer.id, note_id=note_id)
    return redirect("notes-page")


@require_POST
@page
def save_message(request: HttpRequest, viewer: Viewer, chat_id: UUID, message_id: UUID) -> HttpResponse:
    """Save a message of a chat; the button becomes a link to the note."""
    scripted = "HX-Request" in request.headers
    try:
        require_confirmed(viewer)
        saved = save_own_message(owner_id=viewer.id, chat_id=chat_id, message_id=message_id)
    except ParleyError as refusal:
        if not scripted:
            raise
        answer = render(request, "chat/notice.html", {"text": refusal_words(refusal)})
        answer["HX-Retarget"], answer["HX-Reswap"] = "#notice", "outerHTML"
        return answer  # with status 200: HTMX shows no other
    if not scripted:
        return redirect("note-page", saved.note.pk)
    return render(request, "notes/save.html", {"note_id": saved.note.pk, "m": {"id": message_id}, "chat_id": chat_id})
