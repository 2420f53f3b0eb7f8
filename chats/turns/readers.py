"""Open streams: how many a user has here, and whether their sessions still hold."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

from django.conf import settings

from accounts.access import Claims, ended_sessions
from chats.errors import TooManyStreams
from chats.turns.events import TurnEvent
from common.executor import database

logger = logging.getLogger("parley.turns")
CHECK_SECONDS = 10


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
        for counter, name in ((self.users, claims.user_id), (self.sessions, claims.session_id)):
            counter[name] -= 1  # type: ignore[index]
            if not counter[name]:  # type: ignore[index]
                del counter[name]  # type: ignore[arg-type]

    async def _watch(self) -> None:
        """Ask now and then, for all streams in one query, which sessions have ended."""
        while self.sessions:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                self.ended = await database().read(ended_sessions, list(self.sessions))
            except Exception:
                logger.exception("sessions of open streams could not be checked")


_readers = Readers()


def reading(claims: Claims, events: AsyncIterator[TurnEvent]) -> AsyncIterator[TurnEvent]:
    """Count a stream while it is open, and end it soon after its session has ended."""
    _readers.enter(claims)
    return _watched(claims, events)


async def _watched(claims: Claims, events: AsyncIterator[TurnEvent]) -> AsyncIterator[TurnEvent]:
    try:
        async for event in events:
            if claims.session_id in _readers.ended:
                return
            yield event
    finally:
        _readers.leave(claims)
