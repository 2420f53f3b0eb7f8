"""Following a reply from a position to its end, whoever runs it and whether or not it has ended."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from chats.models import State
from chats.turns.engine import engine
from chats.turns.events import KEEP_ALIVE, Start, TurnEvent
from chats.turns.log import ReplyLog
from chats.turns.mirroring import mirrors
from chats.turns.store import Followed, read_reply
from common.executor import database


async def find_log(chat_id: UUID, reply_id: UUID) -> ReplyLog | None:
    """Return a log of the reply: the runner's own, a mirror, or one made of the stored row; None if it is gone."""
    home = engine()
    if asyncio.get_running_loop() is home.loop and (log := home.log_of(reply_id)):
        return log
    found = await database().read(read_reply, chat_id, reply_id)
    if found is None:
        return None
    if found.message.state == State.STREAMING:
        return mirrors().log_of(chat_id, reply_id, found)
    return ended_log(found)


def ended_log(found: Followed) -> ReplyLog:
    """Return the log of a reply that has ended, made of its row."""
    message = found.message
    assert message.parent is not None
    log = ReplyLog(UUID(int=0), found.question, message.id, found.number)
    for kind, text in message.parts:
        log.append(kind, text)
    log.finish(message)
    return log


async def follow(chat_id: UUID, reply_id: UUID, position: int = 0) -> AsyncIterator[TurnEvent]:
    """Yield Start, then everything from `position` on, then the End; keep-alives while nothing comes.

    Ends without an End where the reply was deleted.
    """
    log = await find_log(chat_id, reply_id)
    if log is None:
        return
    yield Start(chat_id, log.question_id, reply_id)
    while True:
        for delta in log.after(position):
            yield delta
            position = delta.at + len(delta.text)
        if log.shown > position:
            continue
        if log.end is not None:
            yield log.end
            return
        if log.gone:
            return
        if log.retired:  # a mirror that nobody seemed to follow any more
            log = await find_log(chat_id, reply_id)
            if log is None:
                return
        elif not await log.wait():
            yield KEEP_ALIVE
