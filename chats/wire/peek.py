"""Waiting for the first text of a reply, so that a failure before it can still be an HTTP status."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_END: Any = object()
_closing: set["asyncio.Task[None]"] = set()


class Peek(Generic[T]):
    """Events whose beginning has been waited for; iterating goes on exactly where the wait stopped."""

    def __init__(self, events: AsyncIterator[T], counts: Callable[[T], bool]) -> None:
        self._events, self._counts = events, counts
        self._ready: list[T] = []
        self._next: asyncio.Task[T] | None = None

    async def first(self, seconds: float) -> T | None:
        """Return the first event that counts; None where none has come in time, or none ever comes."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            self._next = self._next or loop.create_task(_next_of(self._events))
            await asyncio.wait({self._next}, timeout=max(0.0, deadline - loop.time()))
            if not self._next.done():
                return None
            event, self._next = self._next.result(), None
            if event is _END:
                return None
            self._ready.append(event)
            if self._counts(event):
                return event

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        if self._ready:
            return self._ready.pop(0)
        if self._next is not None:
            pending, self._next = self._next, None
            event = await pending
            if event is _END:
                raise StopAsyncIteration
            return event
        return await anext(self._events)

    def close(self) -> None:
        """Give up a wait that is still going on and close the events, from where nothing can be awaited."""
        task = asyncio.get_running_loop().create_task(self._close())
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    async def _close(self) -> None:
        if self._next is not None:
            self._next.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._next
        if aclose := getattr(self._events, "aclose", None):
            await aclose()


async def _next_of(events: AsyncIterator[T]) -> T:
    return await anext(events, _END)
