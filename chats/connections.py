"""Open streams: how many a user has here, and whether their sessions still hold."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from typing import TypeVar
from uuid import UUID

from django.conf import settings

from accounts.access import Claims, ended_sessions
from accounts.errors import SessionEnded
from chats.errors import TooManyStreams
from chats.turns.events import TurnEvent
from common.executor import database

logger = logging.getLogger("parley.turns")
CHECK_SECONDS = 10
T = TypeVar("T")


class Readers:
    """The open streams of this process by user and by session."""

    def __init__(self) -> None:
        self.users: Counter[int] = Counter()
        self.sessions: Counter[UUID] = Counter()
        self.ended: set[UUID] = set()
        self._task: asyncio.Task[None] | None = None

    def enter(self, claims: Claims) -> None:
        """Count a stream in; raise TooManyStreams beyond `settings.STREAMS_PER_USER`."""
        if self.users[claims.user_id] >= settings.STREAMS_PER_USER:
            raise TooManyStreams(retry_after=5)
        self.users[claims.user_id] += 1
        self.sessions[claims.session_id] += 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._watch())

    def leave(self, claims: Claims) -> None:
        """Count a stream out."""
        _less(self.users, claims.user_id)
        _less(self.sessions, claims.session_id)

    async def _watch(self) -> None:
        """Ask now and then, for all streams in one query, which sessions have ended."""
        while self.sessions:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                self.ended = await database().read(ended_sessions, list(self.sessions))
            except Exception:
                logger.exception("sessions of open streams could not be checked")


def _less(counter: Counter[T], name: T) -> None:
    counter[name] -= 1
    if not counter[name]:
        del counter[name]


_readers = Readers()


class Reading:
    """An open stream: counted from the moment it is made until `close`, ended soon after its session has ended."""

    def __init__(self, claims: Claims, events: AsyncIterator[TurnEvent] | None = None) -> None:
        self._claims, self._open = claims, True
        self._events = events
        _readers.enter(claims)

    def of(self, events: AsyncIterator[TurnEvent]) -> "Reading":
        """Read these events; for a stream that had to have its place before there was anything to read."""
        self._events = events
        return self

    def __aiter__(self) -> AsyncIterator[TurnEvent]:
        return self

    async def __anext__(self) -> TurnEvent:
        assert self._events is not None
        event = await anext(self._events)
        if self.has_ended:
            raise StopAsyncIteration
        return event

    @property
    def has_ended(self) -> bool:
        """Whether the session behind the stream lets nobody in any more, as of the last look."""
        return bool(_readers.ended) and self._claims.session_id in _readers.ended

    def check(self) -> None:
        """Raise SessionEnded once it does not; for streams that are not read through this."""
        if self.has_ended:
            raise SessionEnded()

    def close(self) -> None:
        """Count the stream out; who answers with one registers this with the response."""
        if self._open:
            self._open = False
            _readers.leave(self._claims)
