"""Replies that another process runs, as this one follows them.

Text comes over the bus at token pace. What the bus does not bring (it is away, it dropped something, the owner died) is
read from the database: one query a tick for all replies that have been quiet.
"""

import asyncio
import logging
import time
from uuid import UUID
from weakref import WeakKeyDictionary

from django.conf import settings

from chats.models import State
from chats.turns.bus import Bus, Data
from chats.turns.log import ReplyLog
from chats.turns.store import Followed, read_replies, read_reply
from common.executor import database

logger = logging.getLogger("parley.turns")

QUIET_SECONDS = 1.0  # how long a mirror relies on the bus without hearing anything
ASK_SECONDS = 10.0  # how often the owner is asked to go on publishing
GAP_SECONDS = 0.2  # how often it is asked to publish again


class Mirror:
    """One reply that runs elsewhere."""

    def __init__(self, log: ReplyLog, owner: str) -> None:
        self.log, self.owner = log, owner
        self.heard = self.asked = 0.0


class Mirrors:
    """The mirrored replies of one event loop."""

    def __init__(self, bus: Bus | None = None) -> None:
        self._bus = bus
        self._mirrors: dict[UUID, Mirror] = {}
        self._task: asyncio.Task[None] | None = None

    async def find(self, chat_id: UUID, reply_id: UUID) -> ReplyLog | None:
        """Return a log of the reply: a mirror kept up to date, or the ended reply's own; None if it is gone."""
        if mirror := self._mirrors.get(reply_id):
            return mirror.log
        if self._bus:  # first the subscription, then the row: nothing can fall between
            await self._bus.subscribe(reply_id)
        found = await database().read(read_reply, chat_id, reply_id)
        if found is None:
            return None
        if mirror := self._mirrors.get(reply_id):
            return mirror.log
        log = ReplyLog(chat_id, found.question, reply_id, found.number)
        _update(log, found)
        if log.end is None:
            self._keep(Mirror(log, found.owner))
        elif self._bus:
            await self._bus.unsubscribe(reply_id)
        return log

    def _keep(self, mirror: Mirror) -> None:
        self._mirrors[mirror.log.reply_id] = mirror
        self._ask(mirror, time.monotonic())
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._tick())

    # --- the bus -----------------------------------------------------------------------------------------------------
    def hear(self, reply_id: UUID, data: Data) -> None:
        """Take text from the owner; ask again on a gap; an end is only a wake-up, the row tells it."""
        mirror = self._mirrors.get(reply_id)
        if mirror is None:
            return None
        mirror.heard = time.monotonic() if data else 0.0
        for at, kind, text in data:
            if at > mirror.log.length:
                return self._ask(mirror, mirror.heard, GAP_SECONDS)
            if fresh := text[mirror.log.length - at :]:
                mirror.log.append(kind, fresh)
        mirror.log.show()
        return None

    def _ask(self, mirror: Mirror, now: float, pause: float = ASK_SECONDS) -> None:
        if self._bus and now - mirror.asked > pause:
            mirror.asked = now
            self._bus.tell(mirror.owner, {"want": mirror.log.reply_id, "from": mirror.log.length})

    # --- the database ------------------------------------------------------------------------------------------------
    async def _tick(self) -> None:
        reminded = time.monotonic()
        while self._mirrors:
            await asyncio.sleep(settings.FLUSH_SECONDS)
            now = time.monotonic()
            await self._refresh(now)
            remind = now - reminded > settings.KEEPALIVE_SECONDS
            reminded = now if remind else reminded
            for mirror in list(self._mirrors.values()):
                await self._review(mirror, now, remind)

    async def _refresh(self, now: float) -> None:
        quiet = [id_ for id_, mirror in self._mirrors.items() if now - mirror.heard > self._patience]
        if not quiet:
            return
        try:
            found = await database().read(read_replies, quiet)
        except Exception:
            logger.exception("followed replies could not be read")
            return
        for id_ in quiet:
            mirror = self._mirrors[id_]
            mirror.heard = now if self._bus and self._bus.healthy else 0.0
            if id_ in found:
                _update(mirror.log, found[id_])
            else:
                mirror.log.vanish()

    @property
    def _patience(self) -> float:
        return QUIET_SECONDS if self._bus and self._bus.healthy else 0.0

    async def _review(self, mirror: Mirror, now: float, remind: bool) -> None:
        log = mirror.log
        self._ask(mirror, now)
        if remind:
            log.remind()
        if log.end or log.gone or not log.followed:
            del self._mirrors[log.reply_id]
            log.retire()
            if self._bus:
                await self._bus.unsubscribe(log.reply_id)


def _update(log: ReplyLog, found: Followed) -> None:
    """Bring a log up to what is stored."""
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


_elsewhere: WeakKeyDictionary[asyncio.AbstractEventLoop, Mirrors] = WeakKeyDictionary()


def mirrors_without_bus() -> Mirrors:
    """Return the mirrors of a loop that is not the engine's."""
    return _elsewhere.setdefault(asyncio.get_running_loop(), Mirrors())
