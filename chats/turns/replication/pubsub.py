"""Between processes: text as it comes and wake-ups, over Redis pub/sub. It makes things faster, never true.

A process that follows a reply elsewhere subscribes to the reply's channel and asks its owner ("subscribe") to publish
from a position; the owner publishes for as long as somebody keeps asking. What is lost on the way shows as a gap in
offsets. Without Redis, or while it is away, nothing is sent and the database is read instead.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from django.conf import settings

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

logger = logging.getLogger("parley.bus")

SEND_EVERY = 0.005  # seconds; publishes are pipelined
OUTBOX_LIMIT = 10_000  # messages; beyond that the oldest are dropped and followers read the database
CONFIRM_SECONDS = 1.0
RETRY_SECONDS = 0.5

# (offset, kind, text); an empty list says that something is to be read of the database: an end, a wait, a decision.
Data = list[tuple[int, str, str]]
TOOL_INPUT = "tool_input"  # the kind of arguments that are being written: [call, name, text], at an offset of their own


def failures() -> tuple[type[Exception], ...]:
    """Return what a Redis that is away raises."""
    from redis.exceptions import RedisError

    return RedisError, OSError, asyncio.TimeoutError


def connect(**options: Any) -> "Redis":
    """Return a client. It takes 6 MiB and 0.1 s to import: only who uses it pays for it."""
    from redis.asyncio import Redis

    return Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, **options)


class ReplyPubSub:
    """One subscriber connection and one publisher connection of a process."""

    def __init__(self, name: str, on_data: Callable[[UUID, Data], None], on_control: Callable[[Any], None]) -> None:
        self.name, self._on_data, self._on_control = name, on_data, on_control
        self.healthy = False
        self._channels: dict[str, asyncio.Event] = {}
        self._outbox: list[tuple[str, bytes]] = []
        self._sending: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._pubsub: PubSub | None = None
        self._client: Redis | None = None

    def start(self) -> None:
        """Connect in the background; nothing waits for it."""
        if settings.REDIS_URL:
            self._listening = asyncio.get_running_loop().create_task(self._listen())

    async def stop(self) -> None:
        """Say what is still to be said, then disconnect."""
        if self._sending:
            with contextlib.suppress(*failures()):
                await asyncio.wait_for(self._sending, CONFIRM_SECONDS)
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._client:
            await _quietly(self._client.aclose())

    # --- receiving ---------------------------------------------------------------------------------------------------
    async def subscribe(self, reply_id: UUID) -> bool:
        """Listen for a reply's text; True once Redis has confirmed, False while it is away."""
        channel = _data(reply_id)
        confirmed = self._channels.setdefault(channel, asyncio.Event())
        if self._pubsub is None:
            return False
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await self._pubsub.subscribe(channel)
                await confirmed.wait()
        except failures():
            return False
        return True

    async def unsubscribe(self, reply_id: UUID) -> None:
        """Stop listening for a reply."""
        if self._channels.pop(_data(reply_id), None) and self._pubsub:
            await _quietly(self._pubsub.unsubscribe(_data(reply_id)))

    async def _listen(self) -> None:
        while True:
            client = connect(socket_timeout=None)
            try:
                await self._receive(client.pubsub())
            except failures() as error:
                logger.warning("redis away: %s", type(error).__name__)
            finally:
                self.healthy, self._pubsub = False, None
                await _quietly(client.aclose())
            await asyncio.sleep(RETRY_SECONDS)

    async def _receive(self, pubsub: "PubSub") -> None:
        for confirmed in self._channels.values():
            confirmed.clear()
        await pubsub.subscribe(_control(self.name), *self._channels)
        self._pubsub = pubsub
        async for message in pubsub.listen():
            channel = message["channel"].decode()
            if message["type"] == "subscribe":
                self.healthy = True
                if channel in self._channels:
                    self._channels[channel].set()
            elif message["type"] == "message":
                self._dispatch(channel, message["data"])

    def _dispatch(self, channel: str, data: bytes) -> None:
        try:
            content = orjson.loads(data)
            if channel == _control(self.name):
                self._on_control(content)
            else:
                self._on_data(UUID(channel.rpartition(":")[2]), content)
        except (ValueError, TypeError, KeyError):
            logger.warning("unreadable message on %s", channel)

    # --- sending -----------------------------------------------------------------------------------------------------
    def publish(self, reply_id: UUID, data: Data) -> None:
        """Send text of a reply that runs here to whoever follows it elsewhere."""
        self._enqueue(_data(reply_id), data)

    def send(self, owner: str, content: dict[str, Any]) -> None:
        """Send a word to the process that runs a reply."""
        self._enqueue(_control(owner), content)

    def _enqueue(self, channel: str, content: Any) -> None:
        if not settings.REDIS_URL:
            return
        self._outbox.append((channel, orjson.dumps(content)))
        del self._outbox[:-OUTBOX_LIMIT]
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._drain(), context=Context())

    async def _drain(self) -> None:
        while self._outbox:
            await asyncio.sleep(SEND_EVERY)
            batch, self._outbox = self._outbox, []
            if self._client is None:
                self._client = connect(socket_timeout=2)
            try:
                async with self._client.pipeline(transaction=False) as pipe:
                    for channel, content in batch:
                        pipe.publish(channel, content)
                    await pipe.execute()
            except failures() as error:
                logger.warning("not published: %s", type(error).__name__)


def _data(reply_id: UUID) -> str:
    return f"{settings.REDIS_PREFIX}:reply:{reply_id}"


def _control(name: str) -> str:
    return f"{settings.REDIS_PREFIX}:engine:{name}"


async def _quietly(closing: Awaitable[Any]) -> None:
    with contextlib.suppress(*failures()):
        await closing
