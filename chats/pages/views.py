"""What is looked at: the start, a chat, the list of chats, a message's Markdown."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import Viewer
from accounts.pages.viewer import page_viewer
from chats.errors import MessageNotFound
from chats.models import Assistant
from chats.pages.base import page, refused
from chats.pages.rendering.fragments import thread_views
from chats.pages.sidebar import sidebar
from chats.pages.thread import NEW, open_state, read_around, read_thread
from chats.services.assistants import assistants_of, get_assistant
from chats.services.chats import chats_of, require_chat
from chats.services.open_models import open_models
from chats.tree import depth_below, read_message
from chats.turns.model_choice import usable_model
from common.errors import ParleyError
from common.ids import uuid7

IDEAS = (
    "Explain how rainbows form, in three sentences",
    "Write a Python function that reverses a linked list",
    "Plan a weekend in Lisbon as a table",
    "Help me write a polite reminder",
)

OFFERED = 100  # assistants


@require_safe
def start_page(request: HttpRequest) -> HttpResponse:
    """Show what this is, or a new chat to who is signed in."""
    viewer = page_viewer(request)
    if viewer is None:
        return render(request, "chat/welcome.html")
    try:
        chosen = _uuid(request.GET.get("assistant", ""))
        return _chat_page(request, viewer, uuid7(), assistant=get_assistant(viewer.id, chosen) if chosen else None)
    except Exception as error:
        return refused(request, error)


@require_safe
@page
def chat(request: HttpRequest, viewer: Viewer, chat_id: UUID) -> HttpResponse:
    """Show one chat, so far back that the message asked for is there."""
    if open_state(viewer.id, chat_id) == NEW:
        require_chat(viewer.id, chat_id)
    message_id = _uuid(request.GET.get("message", ""))
    return _message_page(request, viewer, chat_id, message_id) if message_id else _chat_page(request, viewer, chat_id)


def _message_page(request: HttpRequest, viewer: Viewer, chat_id: UUID, message_id: UUID) -> HttpResponse:
    """Show the chat where the message is among its last ones; else what is around it, to be read only."""
    head = require_chat(viewer.id, chat_id)
    depth = head and depth_below(chat_id, head, message_id, settings.PAGE_SIZE_MAX)
    if depth:
        return _chat_page(request, viewer, chat_id, depth)
    context = {
        "chat": chats_of(viewer.id).filter(pk=chat_id).first(),
        "chat_id": chat_id,
        "viewer": viewer,
        "views": thread_views(read_around(chat_id, message_id, settings.PAGE_SIZE)),
        **sidebar(viewer, chat_id),
    }
    return render(request, "chat/place.html", context)


def _chat_page(
    request: HttpRequest, viewer: Viewer, chat_id: UUID, least: int = 0, assistant: Assistant | None = None
) -> HttpResponse:
    state, size = open_state(viewer.id, chat_id), max(_size(request), least)
    thread = read_thread(chat_id, state.head, size)
    context: dict[str, Any] = {
        "chat": chats_of(viewer.id).filter(pk=chat_id).first(),
        "chat_id": chat_id,
        "viewer": viewer,
        "state": state,
        "views": thread_views(thread),
        "size": size,
        "more": min(size * 2, settings.PAGE_SIZE_MAX) if thread.older and size < settings.PAGE_SIZE_MAX else 0,
        "models": [model for model in open_models(viewer.id).listing() if model.available],
        "model": _model_name(viewer, assistant.model if assistant else state.model),
        "assistant": assistant,
        "assistants": assistants_of(viewer.id).order_by("-created_at", "-id")[:OFFERED] if state == NEW else (),
        "key": uuid7(),
        "ideas": IDEAS,
        "longest": settings.MAX_MESSAGE_CHARS,
        "must_confirm": settings.REQUIRE_CONFIRMED_EMAIL and not viewer.is_email_confirmed,
        **sidebar(viewer, chat_id),
    }
    return render(request, "chat/page.html", context)


def _size(request: HttpRequest) -> int:
    asked = request.GET.get("messages", "")
    wanted = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 5 else settings.PAGE_SIZE
    return min(max(wanted, settings.PAGE_SIZE), settings.PAGE_SIZE_MAX)


def _model_name(viewer: Viewer, chats: str) -> str:
    try:
        return usable_model(viewer.id, "", chats, viewer.preferred_model).name
    except ParleyError:  # none is usable; sending says so
        return ""


@require_safe
@page
def chat_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """List chats: found by title, archived, or those before the ones that were listed."""
    current = request.GET.get("current", "")
    chat_id = _uuid(current)
    search, archived = request.GET.get("search", "").strip(), "archived" in request.GET
    before = request.GET.get("before", "")
    context = {**sidebar(viewer, chat_id, search, archived, before), "chat_id": chat_id}
    whole = "HX-Request" not in request.headers
    return render(request, "chat/list_page.html" if whole else "chat/list.html", context)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@require_safe
@page
def message_text(request: HttpRequest, viewer: Viewer, chat_id: UUID, message_id: UUID) -> HttpResponse:
    """Return a message as it was written, for the copy button."""
    require_chat(viewer.id, chat_id)
    row = read_message(chat_id, message_id)
    if row is None:
        raise MessageNotFound()
    headers = {"Content-Disposition": "attachment"}
    return HttpResponse(row.content, content_type="text/plain; charset=utf-8", headers=headers)
