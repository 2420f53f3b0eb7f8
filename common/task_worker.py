"""Runs what is enqueued: every server process does, or `manage.py work`. A lease says whose a task is."""

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, connections, transaction
from django.utils import timezone

from common.executor import database
from common.leases import database_now, lease_end
from common.models import Task
from common.sql import is_postgresql, uuid_of
from common.tasks import TaskFunction, Void, function_of, off_enqueue, on_enqueue

logger = logging.getLogger("parley.tasks")
CLOSING_SECONDS = 3.0
_DUE = (
    "(status = 'READY' AND run_after <= {now}) OR (status = 'RUNNING' AND lease_until < {now})"  # its process is gone
)
_holds: list[Callable[[int, int], bool]] = []


def register_authority(holds: Callable[[int, int], bool]) -> None:
    """Name the function that tells whether a user still has a credential epoch; without one nobody may act later."""
    _holds[:] = [holds]


def are_due() -> bool:
    """Tell whether anything waits; reading costs the writers nothing."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM common_task WHERE {_DUE.format(now=database_now())} LIMIT 1", [])
        return cursor.fetchone() is not None


def claim(owner: str, most: int) -> list[Task]:
    """Take what is due, the oldest first; another process that asks at the same moment gets others."""
    lock = "FOR UPDATE SKIP LOCKED" if is_postgresql() else ""
    due = f"SELECT id FROM common_task WHERE {_DUE.format(now=database_now())} ORDER BY run_after LIMIT {most} {lock}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE common_task SET status = 'RUNNING', lease_owner = %s, lease_until = {lease_end()}, "
            f"attempts = attempts + 1, started_at = {database_now()} WHERE id IN ({due}) RETURNING id",
            [owner],
        )
        ids = [uuid_of(id_) for (id_,) in cursor.fetchall()]
    return list(Task.objects.filter(pk__in=ids).order_by("run_after"))


def renew(owner: str, ids: Collection[UUID]) -> None:
    """Give the leases of running tasks a new end."""
    marks = ", ".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE common_task SET lease_until = {lease_end()} "
            f"WHERE lease_owner = %s AND status = 'RUNNING' AND id IN ({marks})",
            [owner, *ids],
        )


def settle(row: Task, error: BaseException | None) -> None:
    """Record how an attempt ended, unless another process has the task by now."""
    held = Task.objects.filter(pk=row.pk, lease_owner=row.lease_owner, attempts=row.attempts, status="RUNNING")
    held.update(lease_owner="", lease_until=None, **_outcome(row, error))


def _outcome(row: Task, error: BaseException | None) -> dict[str, Any]:
    now = timezone.now()
    if error is None:
        return {"status": Task.Status.SUCCESSFUL, "finished_at": now, "error": ""}
    if isinstance(error, asyncio.CancelledError):  # this process stops; it is nobody's failure
        return {"status": Task.Status.READY, "run_after": now, "attempts": row.attempts - 1}
    name = type(error).__name__
    delays = () if isinstance(error, Void | ImportError) else function_of(row).delays
    if row.attempts > len(delays):
        logger.error("task %s failed for good: %s", row, name)
        return {"status": Task.Status.FAILED, "finished_at": now, "error": name}
    logger.warning("task %s failed, trying again: %s", row, name)
    wait = delays[row.attempts - 1] * random.uniform(1, 1.2)  # noqa: S311
    return {"status": Task.Status.READY, "run_after": now + timedelta(seconds=wait), "error": name}


def _checked(row: Task) -> TaskFunction[Any]:
    """Return the function of a task that may still take effect; raise Void."""
    if row.user_id is not None and not (_holds and _holds[0](row.user_id, row.credential_epoch or 0)):
        raise Void("the account was secured since")
    return function_of(row)


def _call(row: Task) -> None:
    """Call a synchronous task on this thread's own connection."""
    try:
        _checked(row).function(*row.args_kwargs["args"], **row.args_kwargs["kwargs"])
    finally:
        if not connection.in_atomic_block:  # a test's own transaction
            connections.close_all()


class TaskWorker:
    """Claims and runs tasks on one event loop, synchronous ones on threads."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"[-64:]
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._woken, self._renewed = asyncio.Event(), time.monotonic()
        self._threads = ThreadPoolExecutor(settings.TASK_CONCURRENCY, thread_name_prefix="task")

    async def run(self) -> None:
        """Run what comes until cancelled."""
        loop = asyncio.get_running_loop()
        wake = partial(loop.call_soon_threadsafe, self._woken.set)
        on_enqueue(wake)
        try:
            while True:
                self._woken.clear()
                try:
                    await self.step()
                except Exception as error:
                    logger.error("tasks could not be claimed, trying again: %s", error)
                try:
                    async with asyncio.timeout(settings.TASK_POLL_SECONDS):
                        await self._woken.wait()
                except TimeoutError:
                    pass
        finally:
            off_enqueue(wake)

    async def step(self) -> None:
        """Renew the leases of what runs, and begin what is due as far as there is room."""
        if self._running and time.monotonic() - self._renewed > settings.LEASE_SECONDS / 3:
            self._renewed = time.monotonic()
            await database().write(renew, self.name, list(self._running))
        room = settings.TASK_CONCURRENCY - len(self._running)
        if room <= 0 or not await database().read(are_due):
            return
        for row in await database().write(claim, self.name, room):
            task = asyncio.create_task(self._run(row))
            self._running[row.pk] = task
            task.add_done_callback(partial(self._done, row.pk))

    def _done(self, id_: UUID, task: "asyncio.Task[None]") -> None:
        self._running.pop(id_, None)
        self._woken.set()  # there may be more than there was room for

    async def _run(self, row: Task) -> None:
        error: BaseException | None = None
        try:
            await self._attempt(row)
        except (Exception, asyncio.CancelledError) as caught:
            error = caught
        await asyncio.shield(database().write(settle, row, error))

    async def _attempt(self, row: Task) -> None:
        if function_of(row).is_async:
            task = await database().read(_checked, row)
            await task.function(*row.args_kwargs["args"], **row.args_kwargs["kwargs"])
        else:
            await asyncio.get_running_loop().run_in_executor(self._threads, _call, row)

    async def drain(self) -> None:
        """Run everything that is due, and what that makes due (for tests and `manage.py work --once`)."""
        while self._running or await database().read(are_due):
            await self.step()
            if self._running:
                await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """Let what runs end, for a moment; the rest is put back, or left to the end of its lease."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=CLOSING_SECONDS)
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
