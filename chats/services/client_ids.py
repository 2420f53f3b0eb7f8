"""Ids that clients make themselves: opaque text beside our UUIDs, unique per owner and per chat."""

import re
from uuid import UUID

from chats.models import Chat, Message, Role
from chats.rows import MessageRow
from chats.tree import read_message
from common.text import is_storable

LENGTH = 255
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_client_id(name: str) -> bool:
    """Tell whether a text can be an id at all: 1 to 255 characters that every database takes."""
    return 0 < len(name) <= LENGTH and is_storable(name)


def as_uuid(name: str) -> UUID | None:
    """Return the UUID that a text is in canonical form, or None."""
    return UUID(name) if _UUID.fullmatch(name) else None


def find_chat(owner_id: int, name: str) -> UUID | None:
    """Return the id of the user's chat that a client calls so, or that has this UUID."""
    if not is_client_id(name):
        return None
    mine = Chat.objects.filter(owner_id=owner_id).values_list("pk", flat=True)
    found, id_ = mine.filter(client_id=name).first(), as_uuid(name)
    return found or (mine.filter(pk=id_).first() if id_ else None)


def find_message(chat_id: UUID, name: str) -> MessageRow | None:
    """Return the chat's message that a client calls so, or that has this UUID."""
    if not is_client_id(name):
        return None
    found = Message.objects.filter(chat_id=chat_id, client_id=name).values_list("pk", flat=True).first()
    id_ = found or as_uuid(name)
    return read_message(chat_id, id_) if id_ else None


def replies_to(question_id: UUID) -> list[UUID]:
    """Return the ids of all replies to a question, oldest first."""
    replies = Message.objects.filter(parent_id=question_id, role=Role.ASSISTANT)
    return list(replies.order_by("number").values_list("pk", flat=True))
