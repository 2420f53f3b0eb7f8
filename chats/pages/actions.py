"""What is changed by a form of the page; each works as a plain post, and over HTMX without loading the page again."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.access import Viewer
from chats import turns
from chats.pages.base import fields, page, page_claims, to_chat, waiting_page
from chats.pages.operations import perform
from chats.pages.serializers import RenameInput, ThumbInput
from chats.pages.sidebar import sidebar
from chats.services.chats import change_chat, chats_of, delete_chat
from chats.services.feedback import feedback_for, press_thumb
from common.views import checked


@require_POST
@waiting_page
async def turn(request: HttpRequest, viewer: Viewer, chat_id: UUID, verb: str) -> HttpResponse:
    """Do without script what the socket does with it, and show the whole reply, or what it waits for."""
    accepted = await perform(page_claims(viewer), chat_id, {**fields(request.POST), "do": verb})
    if accepted:
        await turns.wait_for(accepted.chat_id, accepted.reply.id)
    return to_chat(chat_id)


@require_POST
@page
def rename(request: HttpRequest, viewer: Viewer, chat_id: UUID) -> HttpResponse:
    """Give a chat another title."""
    return _changed(request, viewer, chat_id, checked(RenameInput, fields(request.POST)))


@require_POST
@page
def switch(request: HttpRequest, viewer: Viewer, chat_id: UUID, what: str) -> HttpResponse:
    """Pin, archive, or take that back."""
    name, value = {
        "pin": ("pinned", True), "unpin": ("pinned", False),
        "archive": ("archived", True), "unarchive": ("archived", False),
    }[what]  # fmt: skip
    return _changed(request, viewer, chat_id, {name: value})


@require_POST
@page
def delete(request: HttpRequest, viewer: Viewer, chat_id: UUID) -> HttpResponse:
    """Delete a chat for good; away from its page, if that is where we are."""
    delete_chat(viewer.id, chat_id)
    if _current(request) == chat_id:
        return _go(request, reverse("start"))
    return _listed(request, viewer, reverse("start"))


@require_POST
@page
def thumb(request: HttpRequest, viewer: Viewer, chat_id: UUID, message_id: UUID) -> HttpResponse:
    """Keep a thumb for a reply."""
    press_thumb(viewer.id, chat_id, message_id, checked(ThumbInput, fields(request.POST))["value"])
    if "HX-Request" not in request.headers:
        return to_chat(chat_id)
    value = feedback_for([message_id]).get(message_id, 0)
    return render(request, "chat/thumbs.html", {"m": {"id": message_id, "thumb": value}, "chat_id": chat_id})


def _changed(request: HttpRequest, viewer: Viewer, chat_id: UUID, values: dict[str, Any]) -> HttpResponse:
    change_chat(viewer.id, chat_id, values)
    return _listed(request, viewer, reverse("chat-page", args=[chat_id]))


def _listed(request: HttpRequest, viewer: Viewer, otherwise: str) -> HttpResponse:
    """Answer HTMX with the list as it is now, a plain post by going somewhere."""
    if "HX-Request" not in request.headers:
        return redirect(otherwise)
    current = _current(request)
    row = chats_of(viewer.id).filter(pk=current).first() if current else None
    context = {**sidebar(viewer, current), "chat": row, "retitle": current is not None}
    return render(request, "chat/list.html", context)


def _current(request: HttpRequest) -> UUID | None:
    """Return the chat that the page shows, as its forms say."""
    try:
        return UUID(request.POST.get("current", ""))
    except ValueError:
        return None


def _go(request: HttpRequest, address: str) -> HttpResponse:
    return HttpResponse(headers={"HX-Redirect": address}) if "HX-Request" in request.headers else redirect(address)
