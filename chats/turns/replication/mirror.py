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

import orjson
from django.conf import settings

from chats.models import UNFINISHED, State
from chats.turns.reads import Followed, News, read_news, read_replies, read_reply
from chats.turns.replication.pubsub import TOOL_INPUT, Data, ReplyPubSub
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

    def __init__(self, log: ReplyLog, found: Followed) -> None:
        self.log, self.owner, self.epoch = log, found.owner, found.epoch
        self.heard = self.asked = 0.0
        self.is_changed = False  # a word that it is to be looked at has come
        self.followed = time.monotonic()  # when somebody was last seen waiting for it

    def take(self, found: Followed) -> None:
        """Go by what is stored; another owner is asked at once to publish."""
        if found.epoch != self.epoch:
            self.owner, self.epoch, self.asked = found.owner, found.epoch, 0.0
        _update(self.log, found)


class Mirrors:
    """The mirrored replies of one event loop."""

    def __init__(self, pubsub: ReplyPubSub | None = None) -> None:
        self._pubsub = pubsub
        self._mirrors: dict[UUID, Mirror] = {}
        self._ended: WeakValueDictionary[UUID, ReplyLog] = WeakValueDictionary()
        self._reading: dict[tuple[UUID, UUID], asyncio.Task[Followed | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def find(self, chat_id: UUID, reply_id: UUID) -> ReplyLog | None:
        """Return a log of the reply: a mirror kept up to date, or the ended reply's own; None if it is gone."""
        if log := self._kept(reply_id):
            return log
        if self._pubsub:  # first the subscription, then the row: nothing can fall between
            await self._pubsub.subscribe(reply_id)
        found = await self._read(chat_id, reply_id)
        if found is None:
            return None
        if log := self._kept(reply_id):
            return log
        log = ReplyLog(chat_id, found.question, reply_id, found.number)
        if found.message.state in UNFINISHED:
            _update(log, found)
            self._keep(Mirror(log, found))
            return log
        if self._pubsub:
            await self._pubsub.unsubscribe(reply_id)
        return self._ended_log(log, found)

    async def _read(self, chat_id: UUID, reply_id: UUID) -> Followed | None:
        """Read a reply; who asks for one that is just being read waits for that, so that it is in memory once."""
        wanted = chat_id, reply_id
        if wanted not in self._reading:
            self._reading[wanted] = asyncio.get_running_loop().create_task(self._read_alone(*wanted), context=Context())
        reading = self._reading[wanted]
        await asyncio.wait((reading,))
        return reading.result()

    async def _read_alone(self, chat_id: UUID, reply_id: UUID) -> Followed | None:
        try:
            return await database().read(read_reply, chat_id, reply_id)
        finally:
            del self._reading[chat_id, reply_id]

    def _ended_log(self, log: ReplyLog, found: Followed) -> ReplyLog:
        """Return the log of an ended reply; slow readers of one reply hold its text and its end once, not once each."""
        known = self._ended.get(log.reply_id)
        if known and known.end and known.end.message == found.message:
            return known
        if known and known.end and known.end.message.parts == found.message.parts:
            found.message.parts = known.end.message.parts
        _update(log, found)
        self._ended[log.reply_id] = log
        return log

    def _kept(self, reply_id: UUID) -> ReplyLog | None:
        mirror = self._mirrors.get(reply_id)
        return None if mirror is None or mirror.log.retired else mirror.log

    def retire(self, reply_id: UUID) -> None:
        """Send the followers of a reply elsewhere: from now on it runs here."""
        if mirror := self._mirrors.get(reply_id):
            mirror.log.retire()

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
        mirror.is_changed = mirror.is_changed or not data
        for at, kind, text in data:
            if kind == TOOL_INPUT:
                call, name, said = orjson.loads(text)
                mirror.log.grow_input(call, name, said, at)
                continue
            if at > mirror.log.length:
                return self._ask(mirror, mirror.heard, GAP_SECONDS)
            if fresh := text[mirror.log.length - at :]:
                mirror.log.append(kind, fresh)
        mirror.log.show()
        return None

    def _ask(self, mirror: Mirror, now: float, pause: float = ASK_SECONDS) -> None:
        if self._pubsub and mirror.owner and now - mirror.asked > pause:  # what waits has no owner
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
        quiet = {id_: mirror for id_, mirror in self._mirrors.items() if now - mirror.heard > self._patience(mirror)}
        if not quiet:
            return
        changed = {id_ for id_, mirror in quiet.items() if mirror.is_changed}
        for mirror in quiet.values():  # before the rows are read: what is heard meanwhile counts
            mirror.heard = now if mirror.log.waiting or (self._pubsub and self._pubsub.healthy) else 0.0
            mirror.is_changed = False
        try:
            news = await database().read(read_news, {id_: mirror.log.length for id_, mirror in quiet.items()})
            whole = [id_ for id_ in quiet if id_ in changed or not (id_ in news and _extend(quiet[id_], news[id_]))]
            found = await database().read(read_replies, whole) if whole else {}
        except Exception as error:
            logger.error("followed replies could not be read: %s", error)
            for id_ in changed:
                quiet[id_].is_changed = True
            return
        for id_ in whole:
            if id_ in found:
                quiet[id_].take(found[id_])
            else:
                quiet[id_].log.mark_deleted()

    def _patience(self, mirror: Mirror) -> float:
        """Return how long nothing need be heard of a reply before the database is asked."""
        return QUIET_SECONDS if mirror.log.waiting or (self._pubsub and self._pubsub.healthy) else 0.0

    async def _review(self, mirror: Mirror, now: float, remind: bool) -> None:
        log = mirror.log
        self._ask(mirror, now)
        if remind:
            log.wake()
        if log.followed:
            mirror.followed = now
        if log.end or log.deleted or log.retired or now - mirror.followed > IDLE_SECONDS:
            if self._mirrors.get(log.reply_id) is mirror:
                del self._mirrors[log.reply_id]
            if not (log.end or log.deleted):
                log.retire()
            if self._pubsub and log.reply_id not in self._mirrors:
                await self._pubsub.unsubscribe(log.reply_id)


def _extend(mirror: Mirror, news: News) -> bool:
    """Append what is new; False where the whole row is needed: it has ended or gone on, or something is missing."""
    log = mirror.log
    if news.epoch != mirror.epoch or news.state not in UNFINISHED:
        return False
    if news.state == State.WAITING:
        return log.waiting is not None
    for at, kind, text in news.chunks:
        if at > log.length:
            return False
        if fresh := text[log.length - at :]:
            log.append(kind, fresh)
    log.show()
    return True


def _update(log: ReplyLog, found: Followed) -> None:
    """Bring a log up to what is stored."""
    at = 0
    for kind, text in found.message.parts:
        fresh = text[max(0, log.length - at) :]
        at += len(text)
        if fresh and at > log.length:
            log.append(kind, fresh)
    if found.message.state not in UNFINISHED:
        log.finish(found.message)
    else:
        log.waiting = found.waiting
        log.show()


@per_loop
def local_mirrors() -> Mirrors:
    """Return the mirrors of a loop that is not the engine's."""
    return Mirrors()
