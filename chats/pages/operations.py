"""What a page asks for, done."""

from typing import Any
from uuid import UUID

from accounts.access import Claims, load_viewer
from chats import turns
from chats.errors import MessageNotFound
from chats.pages.serializers import DecideInput, ShowInput, request_of
from chats.pages.thread import sibling
from chats.services.chats import change_chat, require_chat
from common.errors import Invalid
from common.executor import database
from common.views import checked


async def perform(claims: Claims, chat_id: UUID, data: dict[str, Any]) -> turns.AcceptedTurn | None:
    """Carry out one form, `do` names the verb (default: send); return the turn that starts by it, or goes on."""
    verb = data.get("do") or "send"
    if ask := request_of(chat_id, verb, data):
        return await turns.start(claims, ask)
    if verb == "decide":
        return await _decide(claims, chat_id, checked(DecideInput, data))
    if verb == "stop":
        await turns.stop(claims, chat_id)
    elif verb == "show":
        shown = checked(ShowInput, data)
        await database().write(show_sibling, claims, chat_id, shown["id"], shown["step"])
    else:
        raise Invalid("This page cannot do that; load it again.")
    return None


async def _decide(claims: Claims, chat_id: UUID, said: dict[str, Any]) -> turns.AcceptedTurn:
    word = said["verdict"]
    verdict = turns.Approval(said["call"], approved=word != "deny", remember=word == "always")
    return await turns.decide(claims, chat_id, said["id"], [verdict])


def show_sibling(claims: Claims, chat_id: UUID, message_id: UUID, step: int) -> None:
    """Switch to the branch of the message before or after this one; at the end of the row nothing changes."""
    owner = load_viewer(claims).id
    require_chat(owner, chat_id)
    wanted = sibling(chat_id, message_id, step)
    if wanted is None:
        raise MessageNotFound()
    change_chat(owner, chat_id, {"head": wanted})
