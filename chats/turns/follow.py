"""Following a reply to its end, from a position or from a cursor, whoever runs it and whether or not it has ended."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from django.db import InterfaceError, OperationalError

from accounts.access import Claims, load_viewer
from chats.errors import MessageNotFound
from chats.models import UNFINISHED
from chats.services.chats import require_chat
from chats.turns.engine import engine
from chats.turns.events import END_OFFSET, KEEP_ALIVE, Start, TurnEvent, cursor_of
from chats.turns.reads import Place, find_reply
from chats.turns.replication.mirror import local_mirrors
from chats.turns.reply_log import ReplyLog
from common.executor import database

RETRY_SECONDS = 1.0


async def find_log(chat_id: UUID, reply_id: UUID) -> ReplyLog | None:
    """Return a log of the reply: the runner's own, a mirror, or one made of the stored row; None if it is gone."""
    home = engine()
    if asyncio.get_running_loop() is not home.loop:
        return await local_mirrors().find(chat_id, reply_id)
    return home.log_of(reply_id) or await home.mirrors.find(chat_id, reply_id)


async def follow(chat_id: UUID, reply_id: UUID, position: int = 0) -> AsyncIterator[TurnEvent]:
    """Yield Start, then everything from `position` on, then the End; keep-alives while nothing comes.

    Where a reply waits for a decision that is told, and what comes after it follows. Ends without an End where the
    reply was deleted. A database that is away is waited for.
    """
    log, started, waited_with, told = None, False, None, dict[str, int]()
    while True:
        if log is None or log.retired:  # at the beginning, or a mirror that nobody seemed to follow any more
            try:
                log = await find_log(chat_id, reply_id)
            except (OperationalError, InterfaceError):
                yield KEEP_ALIVE
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if log is None:
                return
        if not started:
            started = True
            yield Start(chat_id, log.question_id, reply_id)
        for delta in log.after(position):
            yield delta
            position = delta.at + len(delta.text)
        if log.shown > position:
            continue
        if log.end is not None:
            yield log.end
            return
        if log.deleted:
            return
        if log.waiting is not None and log.waiting is not waited_with:
            waited_with = log.waiting
            yield waited_with
        if log.inputs and log.shown == log.length:  # they come after all that has come
            for growing in log.new_input(told):
                yield growing
        if not log.retired and not await log.wait():
            yield KEEP_ALIVE


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
    require_chat(load_viewer(claims).id, chat_id)
    newest = find_reply(chat_id, reply_id)
    if newest is None:
        if reply_id is not None:
            raise MessageNotFound()
        return []
    if after is None:
        return [(newest.reply, 0)] if newest.state in UNFINISHED or reply_id is not None else []
    number, offset = cursor_of(after)
    if number == newest.number:
        return [] if offset >= END_OFFSET else [(newest.reply, offset)]
    rest = [(newest.reply, 0)]
    older = find_reply(chat_id, number=number) if number < newest.number else None
    return _rest_of(older, offset) + rest


def _rest_of(older: Place | None, offset: int) -> list[tuple[UUID, int]]:
    return [(older.reply, offset)] if older and offset < END_OFFSET else []
