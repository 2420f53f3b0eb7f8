"""Reading pages of a branch."""

from uuid import UUID

from django.db import connection

from accounts.access import Claims, load_viewer
from chats.errors import ChatNotFound, MessageNotFound
from chats.services.chats import newest_below
from chats.tree import MessageRow, branch
from common.sql import uuid_or_none

WHOLE = 2**31 - 1


def read_head(owner_id: int, chat_id: UUID) -> UUID | None:
    """Return the last message of the branch shown; raise ChatNotFound for what is missing or not theirs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT head_id FROM chats_chat WHERE id = %s AND owner_id = %s", [chat_id, owner_id])
        row = cursor.fetchone()
    if row is None:
        raise ChatNotFound()
    return uuid_or_none(row[0])


def read_page(
    claims: Claims, chat_id: UUID, through: UUID | None, before: UUID | None, size: int
) -> tuple[list[MessageRow], UUID | None]:
    """Return up to `size` messages of a branch, oldest first, and the id to go on from for older ones."""
    head = read_head(load_viewer(claims).id, chat_id)
    leaf = before or (newest_below(chat_id, through) if through else head)
    rows = branch(chat_id, leaf, size) if leaf else []
    if before and not rows:
        raise MessageNotFound()
    return rows, rows[0].parent if rows else None


def read_whole_branch(owner_id: int, chat_id: UUID) -> list[MessageRow]:
    """Return every message of the branch shown, oldest first."""
    head = read_head(owner_id, chat_id)
    return branch(chat_id, head, WHOLE) if head else []
