"""Replies that another process runs, as this one follows them.

Text comes over the bus at token pace. What the bus does not bring (it is away, it dropped something, the owner died) is
read from the database: one query a tick for all replies that have been quiet, of which only the new pieces are fetched;
another for those that have ended.
"""

import asyncio
import logging
import time
from contextvars import Context
from uuid import UUID
from weakref import WeakValueDictionary

from django.conf import settings

from chats.models import State
from chats.turns.reads import Followed, News, read_news, read_replies, read_reply
from chats.turns.replication.pubsub import Data, ReplyPubSub
from chats.turns.reply_log import ReplyLog
from common.executor import database
from common.per_loop import per_loop

logger = logging.getLogger("parley.turns")

QUIET_SECONDS = 1.0  # how long a mirror relies on the bus without hearing anything
ASK_SECONDS = 10.0  # how often the owner is asked to go on publishing
IDLE_SECONDS = 5.0  # how long a mirror is kept while nobody waits for it
GAP_SECONDS = 0.2  # how often it is asked to publish again


class Mirror:
    """One reply that runs elsewhere."""

    def __init__(self, log: ReplyLog, owner: str) -> None:
        self.log, self.owner = log, owner
        self.heard = self.asked = 0.0
        self.followed = time.monotonic()  # when somebody was last seen waiting for it


class Mirrors:
    """The mirrored replies of one event loop."""

    def __init__(self, pubsub: ReplyPubSub | None = None) -> None:
        self._pubsub = pubsub
        self._mirrors: dict[UUID, Mirror] = {}
        self._ended: WeakValueDictionary[UUID, ReplyLog] = WeakValueDictionary()
        self._task: asyncio.Task[None] | None = None

    async def find(self, chat_id: UUID, reply_id: UUID) -> ReplyLog | None:
        """Return a log of the reply: a mirror kept up to date, or the ended reply's own; None if it is gone."""
        if mirror := self._mirrors.get(reply_id):
            return mirror.log
        if self._pubsub:  # first the subscription, then the row: nothing can fall between
            await self._pubsub.subscribe(reply_id)
        found = await database().read(read_reply, chat_id, reply_id)
        if found is None:
            return None
        if mirror := self._mirrors.get(reply_id):
            return mirror.log
        log = ReplyLog(chat_id, found.question, reply_id, found.number)
        if found.message.state == State.STREAMING:
            _update(log, found)
            self._keep(Mirror(log, found.owner))
            return log
        if self._pubsub:
            await self._pubsub.unsubscribe(reply_id)
        return self._ended_log(log, found)

    def _ended_log(self, log: ReplyLog, found: Followed) -> ReplyLog:
        """Return the log of an ended reply; slow readers of one reply hold its text once, not once each."""
        known = self._ended.get(log.reply_id)
        if known and known.end and known.end.message.parts == found.message.parts:
            found.message.parts = known.end.message.parts
        _update(log, found)
        self._ended[log.reply_id] = log
        return log

    def _keep(self, mirror: Mirror) -> None:
        self._mirrors[mirror.log.reply_id] = mirror
        self._ask(mirror, time.monotonic())
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._tick(), context=Context())

    # --- the bus -----------------------------------------------------------------------------------------------------
    def on_data(self, reply_id: UUID, data: Data) -> None:
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
        if self._pubsub and now - mirror.asked > pause:
            mirror.asked = now
            self._pubsub.send(mirror.owner, {"subscribe": mirror.log.reply_id, "from": mirror.log.length})

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
        quiet = {id_: mirror for id_, mirror in self._mirrors.items() if now - mirror.heard > self._patience}
        if not quiet:
            return
        try:
            news = await database().read(read_news, {id_: mirror.log.length for id_, mirror in quiet.items()})
            whole = [id_ for id_ in quiet if not (id_ in news and _extend(quiet[id_].log, news[id_]))]
            found = await database().read(read_replies, whole) if whole else {}
        except Exception as error:
            logger.error("followed replies could not be read: %s", error)
            return
        for mirror in quiet.values():
            mirror.heard = now if self._pubsub and self._pubsub.healthy else 0.0
        for id_ in whole:
            if id_ in found:
                _update(quiet[id_].log, found[id_])
            else:
                quiet[id_].log.mark_deleted()

    @property
    def _patience(self) -> float:
        return QUIET_SECONDS if self._pubsub and self._pubsub.healthy else 0.0

    async def _review(self, mirror: Mirror, now: float, remind: bool) -> None:
        log = mirror.log
        self._ask(mirror, now)
        if remind:
            log.wake()
        if log.followed:
            mirror.followed = now
        if log.end or log.deleted or now - mirror.followed > IDLE_SECONDS:
            del self._mirrors[log.reply_id]
            if not (log.end or log.deleted):
                log.retire()
            if self._pubsub:
                await self._pubsub.unsubscribe(log.reply_id)


def _extend(log: ReplyLog, news: News) -> bool:
    """Append what is new; False where the whole row is needed: the reply has ended, or something is missing."""
    for at, kind, text in news.chunks:
        if at > log.length:
            return False
        if fresh := text[log.length - at :]:
            log.append(kind, fresh)
    log.show()
    return news.running


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


@per_loop
def local_mirrors() -> Mirrors:
    """Return the mirrors of a loop that is not the engine's."""
    return Mirrors()
