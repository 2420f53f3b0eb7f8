"""What every server process does again and again: registered by the apps when they are ready, run with the server."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction

from django.db import InterfaceError, OperationalError

from common.executor import database

logger = logging.getLogger("parley.periodic")
SOON_SECONDS = 2.0
Function = Callable[[], int | None] | Callable[[], Awaitable[int | None]]


@dataclass(frozen=True, slots=True)
class Job:
    """A function to call again and again, and how many seconds after its end."""

    name: str
    interval: Callable[[], float]
    function: Function

    async def run(self) -> float:
        """Call the function once; return after how many seconds to do so again."""
        try:
            is_more = bool(await self._call())
        except Exception as error:
            expected = isinstance(error, OperationalError | InterfaceError)
            logger.error("%s failed, trying again: %s", self.name, error, exc_info=not expected)
            is_more = True
        return min(self.interval(), SOON_SECONDS) if is_more else self.interval()

    async def _call(self) -> int | None:
        if iscoroutinefunction(self.function):
            return await self.function()  # type: ignore[no-any-return]
        return await database().write(self.function)  # type: ignore[arg-type]


_registered: list[Job] = []


def register_periodic(name: str, interval: Callable[[], float], function: Function) -> None:
    """Have a function called in every server process: an async one on the server's loop, any other as a database write.

    One that returns how much it has done (or raises) is called again soon, since there may be more to do.
    """
    _registered.append(Job(name, interval, function))


async def run_jobs(jobs: Sequence[Job] = _registered) -> None:
    """Run what is registered until cancelled; no job waits for another, and none meets itself."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job))


async def _repeat(job: Job) -> None:
    while True:
        seconds = await job.run()
        await asyncio.sleep(seconds)
