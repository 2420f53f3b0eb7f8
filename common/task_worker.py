"""Runs what is enqueued: every server process does, or `manage.py work`."""

import asyncio
import contextlib
import logging
import os
import socket
from collections import Counter
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings

from common.executor import database
from common.middleware import correlation_id
from common.models import Task
from common.task_queue import claim_tasks, due_queues, function_to_call, record_outcome, renew_leases
from common.tasks import ASYNC_QUEUE, DEFAULT_QUEUE, off_enqueue, on_enqueue
from common.threads import run_in_thread

logger = logging.getLogger("parley.tasks")
CLOSING_SECONDS = 3.0
RECORD_AGAIN_SECONDS = 1.0
ASYNC_ROOM = 1000  # coroutines cost memory only
CLAIMED_AT_ONCE = 100


class TaskWorker:
    """Belongs to one event loop; make it there."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"[-64:]
        self._rows: dict[UUID, Task] = {}
        self._calls: dict[UUID, asyncio.Task[None]] = {}
        self._woken, self._stopping = asyncio.Event(), False
        self._poll_seconds, self._renew_seconds = settings.TASK_POLL_SECONDS, settings.LEASE_SECONDS / 3
        self._wake = partial(asyncio.get_running_loop().call_soon_threadsafe, self._woken.set)

    def start(self) -> None:
        """Claim and run from now on."""
        on_enqueue(self._wake)
        self._claiming = asyncio.create_task(self._claim_on())
        self._renewing = asyncio.create_task(self._renew_on())

    def stop(self) -> None:
        """Claim nothing any more; what runs goes on."""
        self._stopping = True
        self._woken.set()

    async def close(self) -> None:
        """Stop, and let what runs end, for a moment; the rest is put back."""
        self.stop()
        await asyncio.wait([self._claiming], timeout=CLOSING_SECONDS)
        self._claiming.cancel()
        off_enqueue(self._wake)
        if self._calls:
            await asyncio.wait(self._calls.values(), timeout=CLOSING_SECONDS)
        calls = list(self._calls.values())
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        self._renewing.cancel()

    async def _claim_on(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                await self._claim()
            except Exception as error:
                logger.error("tasks could not be claimed, trying again: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._woken.wait()

    async def _claim(self) -> None:
        due = await database().read(due_queues)
        for queue_name, room in self._room().items():
            if room > 0 and queue_name in due:
                most = min(room, CLAIMED_AT_ONCE)
                for row in await database().write(claim_tasks, self.name, queue_name, most, [*self._rows]):
                    self._begin(row)

    def _room(self) -> dict[str, int]:
        taken = Counter(row.queue_name for row in self._rows.values())
        room = {DEFAULT_QUEUE: settings.TASK_CONCURRENCY, ASYNC_QUEUE: ASYNC_ROOM}
        return {name: most - taken[name] for name, most in room.items()}

    def _begin(self, row: Task) -> None:
        call = asyncio.create_task(self._run(row))
        self._rows[row.pk], self._calls[row.pk] = row, call
        call.add_done_callback(partial(self._done, row.pk))

    def _done(self, id_: UUID, call: "asyncio.Task[None]") -> None:
        del self._rows[id_], self._calls[id_]
        self._woken.set()  # there may be more than there was room for

    async def _run(self, row: Task) -> None:
        error: BaseException | None = None
        correlation_id.set(row.correlation_id or "-")  # of this call's own context
        try:
            error = await (acall(row) if row.queue_name == ASYNC_QUEUE else run_in_thread(partial(call, row)))
        except (Exception, asyncio.CancelledError) as caught:  # stopped, or no thread could be had
            error = caught
        await self._record(row, error)

    async def _record(self, row: Task, error: BaseException | None) -> None:
        """Record the end; while the database is away the task stays ours, else it would be done twice."""
        while True:
            try:
                return await database().write(record_outcome, row, error)
            except Exception as failure:
                logger.error("the end of task %s could not be stored, trying again: %s", row, failure)
                if isinstance(error, asyncio.CancelledError):
                    return None
                await asyncio.sleep(RECORD_AGAIN_SECONDS)

    async def _renew_on(self) -> None:
        """Keep the leases, however seldom anything is claimed; end what another process holds by now."""
        while True:
            await asyncio.sleep(self._renew_seconds)
            held = list(self._calls)
            try:
                lost = await database().flush(renew_leases, self.name, held) if held else set()
            except Exception as error:
                logger.error("leases of tasks could not be renewed, trying again: %s", error)
                continue
            for id_ in lost & self._calls.keys():
                logger.warning("task %s was taken over by another process", self._rows[id_])
                self._calls[id_].cancel()


async def acall(row: Task) -> Exception | None:
    try:
        function, args, kwargs = await database().read(function_to_call, row)
        await function.func(*args, **kwargs)
    except Exception as error:
        return error
    return None


def call(row: Task) -> BaseException | None:
    """Call a synchronous task."""
    try:
        function, args, kwargs = function_to_call(row)
        function.func(*args, **kwargs)
    except BaseException as error:
        return error
    return None
