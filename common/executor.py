"""The border between async code and the database: a few threads that own a connection each.

Nothing on the streaming paths touches the ORM outside of `read` and `write`. On SQLite there is one writer, because the
file has one anyway and a reader must never wait behind it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, BrokenBarrierError
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import connection

P = ParamSpec("P")
R = TypeVar("R")

IDLE_BEFORE_HEALTH_CHECK = 1.0
_last_use: dict[int, float] = {}


def _call(function: Callable[[], R]) -> R:
    """Run one function on this thread's own connection, replacing the connection where it has died."""
    if connection.in_atomic_block:  # a test's own thread, inside its transaction
        return function()
    _renew()
    try:
        return function()
    finally:
        connection.close_if_unusable_or_obsolete()
        _keep()


def _renew() -> None:
    connection.close_if_unusable_or_obsolete()
    recently = time.monotonic() - _last_use.get(id(connection), 0.0) < IDLE_BEFORE_HEALTH_CHECK
    connection.health_check_done = recently  # type: ignore[attr-defined]
    connection.ensure_connection()
    _keep()


def _keep() -> None:
    """Hold on to the connection: a pooled one would be handed back after each call."""
    connection.close_at = None
    _last_use[id(connection)] = time.monotonic()


class DatabaseExecutor:
    """Runs synchronous database functions for async callers."""

    def __init__(self) -> None:
        readers, writers = settings.DATABASE_READERS, settings.DATABASE_WRITERS
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="db-read")
        self._writers = ThreadPoolExecutor(writers, thread_name_prefix="db-write")

    async def read(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function that only reads."""
        return await self._run(self._readers, partial(function, *args, **kwargs))

    async def write(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function that writes."""
        return await self._run(self._writers, partial(function, *args, **kwargs))

    async def _run(self, pool: ThreadPoolExecutor, call: Callable[[], R]) -> R:
        # shield: a reader that goes away must not turn a running transaction into an unobserved one
        return await asyncio.shield(asyncio.wrap_future(pool.submit(_call, call)))

    def close(self) -> None:
        """Close the threads' connections and wait for the threads to end."""
        for pool in (self._readers, self._writers):
            together = Barrier(len(pool._threads) or 1)  # so that each thread gets one of the calls
            for _ in range(together.parties):
                pool.submit(_close, together)
            pool.shutdown(wait=True)


def _close(together: Barrier) -> None:
    with contextlib.suppress(BrokenBarrierError):
        together.wait(timeout=5)
    connection.close()


_executor: DatabaseExecutor | None = None


def database() -> DatabaseExecutor:
    """Return the executor of this process, made on first use."""
    global _executor
    if _executor is None:
        _executor = DatabaseExecutor()
    return _executor


def close_database() -> None:
    """Shut the executor of this process down; the next use makes a new one."""
    global _executor
    if _executor is not None:
        _executor.close()
        _executor = None
