"""The border between async code and the database: a few threads that own a connection each.

Nothing on the streaming paths touches the ORM outside of `read`, `write` and `flush`. On SQLite there is one writer,
because the file has one anyway and a reader must never wait behind it; what waits for it is committed together. On
PostgreSQL the flush of running replies has a thread of its own: writers may all be waiting for locked rows, and a lease
must not run out behind them.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from common.errors import ParleyError
from common.group_commit import GroupCommit

logger = logging.getLogger("parley.database")

P = ParamSpec("P")
R = TypeVar("R")

IDLE_BEFORE_HEALTH_CHECK = 1.0
_thread = threading.local()  # `used`: when this thread last had an answer from the database


def own_connection() -> None:
    """Connect this thread without the pool, which would only stand between the thread and the server.

    A refused connection then fails at once instead of after the pool's time-out, and is tried again at the next call
    instead of when the pool has backed off long enough.
    """
    options = {name: value for name, value in connection.settings_dict["OPTIONS"].items() if name != "pool"}
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": options}
    connection.queries_log = deque(maxlen=0)  # with DEBUG it grows until a request ends, and none does here


def _call(function: Callable[[], R], deadline: float) -> R:
    """Run one function on this thread's own connection, replacing the connection where it has died."""
    if connection.in_atomic_block:  # a test's own thread, inside its transaction
        return function()
    if time.monotonic() > deadline:
        raise OperationalError("the database is too busy: no thread came free in time")
    _renew()
    try:
        result = function()
        _thread.used = time.monotonic()
    except BaseException:
        _thread.used = 0.0
        raise
    else:
        return result
    finally:
        connection.close_if_unusable_or_obsolete()


def _renew() -> None:
    connection.close_if_unusable_or_obsolete()
    recently = time.monotonic() - getattr(_thread, "used", 0.0) < IDLE_BEFORE_HEALTH_CHECK
    connection.health_check_done = recently  # type: ignore[attr-defined]
    connection.ensure_connection()
    connection.close_at = None  # it is kept for as long as it lives


class DatabaseExecutor:
    """Runs synchronous database functions for async callers."""

    def __init__(self) -> None:
        self._readers = _threads(settings.DATABASE_READERS, "db-read")
        self._writers = _threads(settings.DATABASE_WRITERS, "db-write")
        alone = connection.vendor == "postgresql"
        self._flusher = _threads(1, "db-flush") if alone else self._writers
        self._group_commit = None if alone else GroupCommit(self._writers, _call)

    async def read(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function that only reads."""
        return await self._run(self._readers, partial(function, *args, **kwargs))

    async def write(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function that writes; its effects outside of the database belong into `transaction.on_commit`."""
        return await self._run(self._group_commit or self._writers, partial(function, *args, **kwargs))

    async def flush(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the write that keeps running replies alive; one at a time."""
        return await self._run(self._group_commit or self._flusher, partial(function, *args, **kwargs))

    async def _run(self, pool: ThreadPoolExecutor | GroupCommit, call: Callable[[], R]) -> R:
        deadline = time.monotonic() + settings.DATABASE_WAIT
        call = partial(copy_context().run, call)  # what it logs has the request's id
        if isinstance(pool, GroupCommit):
            future: asyncio.Future[R] = pool.submit(call, deadline)
        else:
            future = asyncio.wrap_future(pool.submit(_call, call, deadline))
        try:
            await asyncio.wait(
                (future,)
            )  # unlike `await future`, it lets the call run on where its caller is cancelled
        except asyncio.CancelledError:
            future.add_done_callback(_unheard)
            raise
        return future.result()

    def close(self) -> None:
        """Close the threads' connections and wait for the threads to end."""
        for pool in {self._readers, self._writers, self._flusher}:
            together = threading.Barrier(len(pool._threads) or 1)  # so that each thread gets one of the calls
            for _ in range(together.parties):
                pool.submit(_close, together)
            pool.shutdown(wait=True)


def _unheard(future: asyncio.Future[Any]) -> None:
    """Take what came of a call whose caller has left: a refusal interests nobody any more, all else is logged.

    (That the database is away or too busy is a refusal too; who waits for it still, and `/readyz`, say so.)
    """
    error = None if future.cancelled() else future.exception()
    if error is not None and not isinstance(error, ParleyError | OperationalError | InterfaceError):
        logger.error("a database call failed after its caller had left", exc_info=error)


def _threads(count: int, name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix=name, initializer=own_connection)


def _close(together: threading.Barrier) -> None:
    with contextlib.suppress(threading.BrokenBarrierError):
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
