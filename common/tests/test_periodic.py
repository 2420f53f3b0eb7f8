"""What recurs: at its interval, sooner where there is more to do, whatever becomes of its neighbours."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from django.db import OperationalError, connection

from common.periodic import SOON_SECONDS, Function, Job, run_jobs

HOUR = 3600.0


async def _nothing() -> None: ...


async def _some() -> int:
    return 7


async def _breaks() -> None:
    raise ValueError("broken")


async def _database_away() -> None:
    raise OperationalError("away")


def _hourly(function: Function) -> Job:
    return Job("the job", lambda: HOUR, function)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("function", "seconds"),
    [(_nothing, HOUR), (_some, SOON_SECONDS), (_breaks, SOON_SECONDS), (_database_away, SOON_SECONDS)],
)
async def test_what_has_more_to_do_and_what_failed_runs_again_soon(
    function: Callable[[], Awaitable[int | None]], seconds: float
) -> None:
    assert await _hourly(function).run() == seconds
    assert await Job("often", lambda: 0.5, function).run() == 0.5


@pytest.mark.asyncio
async def test_only_a_failure_of_ours_is_logged_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "parley.periodic")
    await _hourly(_breaks).run()
    await _hourly(_database_away).run()

    assert [bool(record.exc_info) for record in caplog.records] == [True, False]
    assert all("the job failed" in record.message for record in caplog.records)


@pytest.mark.django_db
@pytest.mark.asyncio
async def test_a_plain_function_is_a_database_write() -> None:
    def ask() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return 0

    assert await _hourly(ask).run() == HOUR


@pytest.mark.asyncio
async def test_no_job_waits_for_another_and_none_meets_itself() -> None:
    never, done, running = asyncio.Event(), asyncio.Event(), []

    async def slow() -> None:
        running.append("slow")
        await never.wait()

    async def quick() -> None:
        running.append("quick")
        if running.count("quick") == 3:
            done.set()
        elif running.count("quick") == 2:
            raise ValueError("broken")

    task = asyncio.create_task(run_jobs([Job("slow", lambda: 0, slow), Job("quick", lambda: 0, quick)]))
    await asyncio.wait_for(done.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert running.count("slow") == 1
