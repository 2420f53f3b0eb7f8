"""What lives once per event loop, as whatever holds its sockets, tasks or futures must."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


class per_loop(Generic[T]):  # noqa: N801  # a decorator
    """Decorates a function that makes something: each event loop gets one, made on first use there."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def __call__(self) -> T:
        """Return the running loop's one."""
        loop = asyncio.get_running_loop()
        found = self._made.get(loop)
        if found is None:
            found = self._made[loop] = self._make()
        return found

    def pop(self) -> T | None:
        """Return the running loop's one for closing, if there is any; the next use makes another."""
        return self._made.pop(asyncio.get_running_loop(), None)
