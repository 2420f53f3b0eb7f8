"""Replies that another process runs, as this one reads them: one query a tick for all that are followed here."""

import asyncio
import logging
from uuid import UUID
from weakref import WeakKeyDictionary

from django.conf import settings

from chats.models import State
from chats.turns.log import ReplyLog
from chats.turns.store import Followed, read_replies
from common.executor import database

logger = logging.getLogger("parley.turns")


class Mirrors:
    """The mirrored replies of one event loop."""

    def __init__(self) -> None:
        self._logs: dict[UUID, ReplyLog] = {}
        self._task: asyncio.Task[None] | None = None

    def log_of(self, chat_id: UUID, reply_id: UUID, found: Followed) -> ReplyLog:
        """Return the log of a reply that was just read as running, kept up to date from here on."""
        log = self._logs.get(reply_id)
        if log is None:
            log = self._logs[reply_id] = ReplyLog(chat_id, found.question, reply_id, found.number)
            _update(log, found)
            if self._task is None or self._task.done():
                self._task = asyncio.get_running_loop().create_task(self._tick())
        return log

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        reminded = loop.time()
        while self._logs:
            await asyncio.sleep(settings.FLUSH_SECONDS)
            try:
                found = await database().read(read_replies, list(self._logs))
            except Exception:
                logger.exception("followed replies could not be read")
                continue
            remind = loop.time() - reminded > settings.KEEPALIVE_SECONDS
            reminded = loop.time() if remind else reminded
            for reply_id, log in list(self._logs.items()):
                self._refresh(log, found.get(reply_id), remind)

    def _refresh(self, log: ReplyLog, found: Followed | None, remind: bool) -> None:
        if found is None:
            log.vanish()
        else:
            _update(log, found)
        if remind:
            log.remind()
        if log.gone or log.end or not log.followed:
            del self._logs[log.reply_id]
            log.retire()


def _update(log: ReplyLog, found: Followed) -> None:
    at = 0
    for kind, text in found.message.parts:
        fresh = text[max(0, log.length - at) :]
        at += len(text)
        if fresh and at > log.length:
            log.append(kind, fresh)
    if found.message.state != State.STREAMING:
        log.finish(found.message)
    else:
        log.show()


_mirrors: WeakKeyDictionary[asyncio.AbstractEventLoop, Mirrors] = WeakKeyDictionary()


def mirrors() -> Mirrors:
    """Return the mirrors of the running loop."""
    return _mirrors.setdefault(asyncio.get_running_loop(), Mirrors())
