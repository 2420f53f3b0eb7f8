"""Waiting for the first text of a reply, so that a failure before it can still be an HTTP status."""

import asyncio
from collections.abc import AsyncIterator

from chats.turns.events import Delta, End, TurnEvent


class Peeked:
    """Events of a reply whose beginning has been waited for; iterating goes on exactly where the wait stopped."""

    def __init__(self, events: AsyncIterator[TurnEvent]) -> None:
        self._events = events
        self._ready: list[TurnEvent] = []
        self._next: asyncio.Task[TurnEvent | None] | None = None

    async def first(self, seconds: float) -> TurnEvent | None:
        """Return the first text or the end; None where neither has come in time, or never comes."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            self._next = self._next or asyncio.ensure_future(anext(self._events, None))
            await asyncio.wait({self._next}, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
            if not self._next.done():
                return None
            event, self._next = self._next.result(), None
            if event is None:
                return None
            self._ready.append(event)
            if isinstance(event, Delta | End):
                return event

    def __aiter__(self) -> AsyncIterator[TurnEvent]:
        return self

    async def __anext__(self) -> TurnEvent:
        if self._ready:
            return self._ready.pop(0)
        if self._next is not None:
            pending, self._next = self._next, None
            event = await pending
            if event is None:
                raise StopAsyncIteration
            return event
        return await anext(self._events)

    def close(self) -> None:
        """Give up a wait that is still going on."""
        if self._next is not None:
            self._next.cancel()
