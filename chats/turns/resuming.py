"""Going on from a cursor: which reply a reader gets, and from which position."""

from collections.abc import AsyncIterator
from uuid import UUID

from django.db import connection

from accounts.access import Claims, load_viewer
from chats.errors import ChatNotFound, MessageNotFound
from chats.models import State
from chats.turns.events import END_OFFSET, TurnEvent, cursor_of
from chats.turns.following import follow
from chats.turns.stored import Place, find_reply
from common.executor import database


async def resume(
    claims: Claims, chat_id: UUID, reply_id: UUID | None = None, after: int | None = None
) -> AsyncIterator[TurnEvent] | None:
    """Return the events after a cursor, or None where there is nothing to follow.

    Without a cursor: the reply (default: the chat's newest) from its start, None unless it is named or running. With
    the id of an older reply: that reply's rest and end first. Raises ChatNotFound, MessageNotFound.
    """
    targets = await database().read(_targets, claims, chat_id, reply_id, after)
    return _chain(chat_id, targets) if targets else None


async def _chain(chat_id: UUID, targets: list[tuple[UUID, int]]) -> AsyncIterator[TurnEvent]:
    for reply_id, position in targets:
        async for event in follow(chat_id, reply_id, position):
            yield event


def _targets(claims: Claims, chat_id: UUID, reply_id: UUID | None, after: int | None) -> list[tuple[UUID, int]]:
    """Return the (reply, position) pairs to follow, in order."""
    _require_chat(claims, chat_id)
    newest = find_reply(chat_id, reply_id)
    if newest is None:
        if reply_id is not None:
            raise MessageNotFound()
        return []
    if after is None:
        return [(newest.reply, 0)] if newest.state == State.STREAMING or reply_id is not None else []
    number, offset = cursor_of(after)
    if number == newest.number:
        return [] if offset >= END_OFFSET else [(newest.reply, offset)]
    rest = [(newest.reply, 0)]
    older = find_reply(chat_id, number=number) if number < newest.number else None
    return _rest_of(older, offset) + rest


def _rest_of(older: Place | None, offset: int) -> list[tuple[UUID, int]]:
    return [(older.reply, offset)] if older and offset < END_OFFSET else []


def _require_chat(claims: Claims, chat_id: UUID) -> None:
    viewer = load_viewer(claims)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM chats_chat WHERE id = %s AND owner_id = %s", [chat_id, viewer.id])
        if cursor.fetchone() is None:
            raise ChatNotFound()
