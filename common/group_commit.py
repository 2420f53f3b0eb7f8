"""One writer that commits whatever waits for it in one transaction: on SQLite a commit is a sync of the disk."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

AT_ONCE = 64  # calls in one transaction, at most
Run = Callable[[Callable[[], Any], float], Any]


@dataclass(slots=True, eq=False)
class WaitingCall:
    """A call that waits for the writer, and the future of the loop that waits for the call."""

    call: Callable[[], Any]
    deadline: float
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    result: Any = None
    error: Exception | None = None

    def attempt(self, run: Callable[[], Any]) -> None:
        self.result = self.error = None
        try:
            self.result = run()
        except Exception as error:
            self.error = error


class GroupCommit:
    """Runs calls on one thread, in order; those that wait when it comes free share a transaction, a savepoint each.

    What must not happen before a call is committed belongs into `transaction.on_commit`. `run` calls a function on the
    thread's connection, until a deadline. Where the shared transaction fails, each call is made again in its own.
    """

    def __init__(self, pool: ThreadPoolExecutor, run: Run) -> None:
        self._pool, self._run = pool, run
        self._waiting: deque[WaitingCall] = deque()
        self._lock, self._working = threading.Lock(), False

    def submit(self, call: Callable[[], Any], deadline: float) -> "asyncio.Future[Any]":
        """Queue a call; the future of the running loop has its result once that is committed."""
        loop = asyncio.get_running_loop()
        job = WaitingCall(call, deadline, loop, loop.create_future())
        self._waiting.append(job)
        with self._lock:
            idle, self._working = not self._working, True
        if idle:
            self._pool.submit(self._work)
        return job.future

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._working = False
                    return
            jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_ONCE))]
            self._carry_out(jobs)
            _tell(jobs)

    def _carry_out(self, jobs: list[WaitingCall]) -> None:
        if len(jobs) == 1 or not self._committed(jobs):
            for job in jobs:
                job.attempt(lambda job=job: self._run(job.call, job.deadline))  # type: ignore[misc]

    def _committed(self, jobs: list[WaitingCall]) -> bool:
        try:
            self._run(lambda: _in_one_transaction(jobs), max(job.deadline for job in jobs))
        except Exception:
            return False
        return True


def _in_one_transaction(jobs: list[WaitingCall]) -> None:
    with transaction.atomic():
        for job in jobs:
            job.attempt(lambda job=job: _in_savepoint(job))  # type: ignore[misc]
            if isinstance(job.error, OperationalError | InterfaceError):
                raise job.error  # it may have taken the whole transaction with it


def _in_savepoint(job: WaitingCall) -> Any:
    if time.monotonic() > job.deadline:
        raise OperationalError("the database is too busy: no thread came free in time")
    with transaction.atomic():
        return job.call()


def _tell(jobs: list[WaitingCall]) -> None:
    """Hand the results over, waking each loop once."""
    for loop in {job.loop for job in jobs}:
        with contextlib.suppress(RuntimeError):  # closed meanwhile
            loop.call_soon_threadsafe(_resolve, [job for job in jobs if job.loop is loop])


def _resolve(jobs: list[WaitingCall]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)
