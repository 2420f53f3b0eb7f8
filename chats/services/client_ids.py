"""Ids that clients make themselves: opaque text beside our UUIDs, unique per owner and per chat."""

import re
from uuid import UUID

from django.db import connection

from chats.tree import MessageRow, columns, count_siblings, read_message, row_of
from common.sql import uuid_of

LENGTH = 255
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def is_storable(name: str) -> bool:
    """Tell whether a text can be an id at all: 1 to 255 characters that every database takes."""
    return 0 < len(name) <= LENGTH and "\0" not in name and not any("\ud800" <= char <= "\udfff" for char in name)


def as_uuid(name: str) -> UUID | None:
    """Return the UUID that a text is in canonical form, or None."""
    return UUID(name) if _UUID.fullmatch(name) else None


def find_chat(owner_id: int, name: str) -> UUID | None:
    """Return the id of the user's chat that a client calls so, or that has this UUID."""
    if not is_storable(name):
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM chats_chat WHERE owner_id = %s AND client_id = %s", [owner_id, name])
        row = cursor.fetchone()
        if row is None and (id_ := as_uuid(name)):
            cursor.execute("SELECT id FROM chats_chat WHERE owner_id = %s AND id = %s", [owner_id, id_])
            row = cursor.fetchone()
    return uuid_of(row[0]) if row else None


def find_message(chat_id: UUID, name: str) -> MessageRow | None:
    """Return the chat's message that a client calls so, or that has this UUID."""
    if not is_storable(name):
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns()} FROM chats_message m WHERE m.chat_id = %s AND m.client_id = %s", [chat_id, name]
        )
        values = cursor.fetchone()
    if values:
        row = row_of(values)
        count_siblings(chat_id, [row])
        return row
    id_ = as_uuid(name)
    return read_message(chat_id, id_) if id_ else None


def replies_to(question_id: UUID) -> list[UUID]:
    """Return the ids of all replies to a question, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM chats_message WHERE parent_id = %s AND role = 'assistant' ORDER BY number", [question_id]
        )
        return [uuid_of(id_) for (id_,) in cursor.fetchall()]
