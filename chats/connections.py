"""Open connections: how many of a kind a user has here, and whether their sessions still hold."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from itertools import chain
from typing import Protocol

from django.conf import settings

from accounts.access import Claims, ended_sessions
from accounts.errors import SessionEnded
from chats.errors import TooManyStreams
from chats.turns.events import TurnEvent
from common.executor import database
from common.per_loop import per_loop

CHECK_SECONDS = 10


class Connection(Protocol):
    """What a user holds open; those with the same `limit`, the name of a setting, are of one kind."""

    limit: str
    claims: Claims

    def end(self) -> None:
        """Begin to end it, since its session has ended."""


class OpenConnections:
    """The connections of one event loop."""

    def __init__(self) -> None:
        self._open: defaultdict[tuple[str, int], set[Connection]] = defaultdict(set)

    def enter(self, connection: Connection) -> None:
        """Count a connection in; raise TooManyStreams where its user has as many of the kind as the limit allows."""
        alike = self._open[connection.limit, connection.claims.user_id]
        if len(alike) >= getattr(settings, connection.limit):
            raise TooManyStreams(retry_after=5)
        alike.add(connection)

    def leave(self, connection: Connection) -> None:
        """Count a connection out; once is enough, more does nothing."""
        kind = connection.limit, connection.claims.user_id
        self._open[kind].discard(connection)
        if not self._open[kind]:
            del self._open[kind]

    async def check_sessions(self) -> None:
        """End the connections whose sessions let nobody in any more; one query finds them all."""
        if sessions := {connection.claims.session_id for connection in self._all()}:
            ended = await database().read(ended_sessions, sessions)
            for connection in self._all():
                if connection.claims.session_id in ended:
                    connection.end()

    def count(self) -> dict[str, int]:
        """Return how many are open, by kind."""
        counts: Counter[str] = Counter()
        for (kind, _), alike in self._open.items():
            counts[kind] += len(alike)
        return counts

    def _all(self) -> list[Connection]:
        return list(chain.from_iterable(self._open.values()))


@per_loop
def open_connections() -> OpenConnections:
    """Return the running loop's open connections."""
    return OpenConnections()


async def check_sessions() -> None:
    """Have the running loop's connections checked."""
    await open_connections().check_sessions()


class OpenStream:
    """A stream of a turn's events: counted from the moment it is made until `close`."""

    limit = "STREAMS_PER_USER"

    def __init__(self, claims: Claims, events: AsyncIterator[TurnEvent] | None = None) -> None:
        self.claims, self._events = claims, events
        self.has_ended = False
        self._home = open_connections()
        self._home.enter(self)

    def of(self, events: AsyncIterator[TurnEvent]) -> "OpenStream":
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

    def end(self) -> None:
        """End with the next event."""
        self.has_ended = True

    def check(self) -> None:
        """Raise SessionEnded once the session has ended; for streams that are not read through this."""
        if self.has_ended:
            raise SessionEnded()

    def close(self) -> None:
        """Count the stream out; who answers with one registers this with the response."""
        self._home.leave(self)
