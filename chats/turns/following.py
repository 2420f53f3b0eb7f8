"""Following a reply from a position to its end, whoever runs it and whether or not it has ended."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from django.db import InterfaceError, OperationalError

from chats.turns.engine import engine
from chats.turns.events import KEEP_ALIVE, Start, TurnEvent
from chats.turns.log import ReplyLog
from chats.turns.mirroring import mirrors_without_bus

RETRY_SECONDS = 1.0


async def find_log(chat_id: UUID, reply_id: UUID) -> ReplyLog | None:
    """Return a log of the reply: the runner's own, a mirror, or one made of the stored row; None if it is gone."""
    home = engine()
    if asyncio.get_running_loop() is not home.loop:
        return await mirrors_without_bus().find(chat_id, reply_id)
    return home.log_of(reply_id) or await home.mirrors.find(chat_id, reply_id)


async def follow(chat_id: UUID, reply_id: UUID, position: int = 0) -> AsyncIterator[TurnEvent]:
    """Yield Start, then everything from `position` on, then the End; keep-alives while nothing comes.

    Ends without an End where the reply was deleted. A database that is away is waited for.
    """
    log, begun = None, False
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
        if not begun:
            begun = True
            yield Start(chat_id, log.question_id, reply_id)
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
        if not log.retired and not await log.wait():
            yield KEEP_ALIVE
