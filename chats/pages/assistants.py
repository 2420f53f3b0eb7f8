"""The page of assistants: one's own are deleted here, and made of a chat's settings; all of them begin chats."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import Viewer
from chats.pages.base import fields, page
from chats.pages.serializers import RenameInput
from chats.services.assistants import assistants_of, create_assistant, delete_assistant
from chats.services.chats import get_chat
from common.views import checked

SHOWN = 200


@require_safe
@page
def assistant_list(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """List the assistants that the user may use, the newest first."""
    rows = assistants_of(viewer.id).order_by("-created_at", "-id")[:SHOWN]
    return render(request, "chat/assistants.html", {"assistants": rows, "viewer": viewer})


@require_POST
@page
def keep_assistant(request: HttpRequest, viewer: Viewer, chat_id: UUID) -> HttpResponse:
    """Make an assistant of a chat's model and settings."""
    chat, name = get_chat(viewer.id, chat_id), checked(RenameInput, fields(request.POST))["title"]
    create_assistant(viewer.id, {"name": name, "model": chat["model"], "settings": chat["settings"]})
    return redirect("assistant-list")


@require_POST
@page
def drop_assistant(request: HttpRequest, viewer: Viewer, assistant_id: UUID) -> HttpResponse:
    """Delete an assistant of the user's own."""
    delete_assistant(viewer.id, assistant_id)
    return redirect("assistant-list")
