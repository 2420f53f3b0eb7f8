"""The drain before a stop hangs on how uvicorn handles signals; that it still does is not taken for granted."""

import asyncio
import signal

import pytest
import uvicorn

from common.task_worker import TaskWorker
from config.lifespan import drain_before_exit

SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def hooked() -> bool:
    """Tell whether the drain comes before what handled the signals until now."""
    before = [signal.getsignal(number) for number in SIGNALS]
    drain_before_exit(TaskWorker())
    after = [signal.getsignal(number) for number in SIGNALS]
    return not set(before) & set(after)


def test_the_drain_comes_before_what_uvicorn_does(caplog: pytest.LogCaptureFixture) -> None:
    with uvicorn.Server(uvicorn.Config("config.asgi:application")).capture_signals():
        assert asyncio.run(hooked())

    assert caplog.records == []


def test_a_server_that_cannot_be_hooked_is_told_of_loudly(caplog: pytest.LogCaptureFixture) -> None:
    before = signal.getsignal(signal.SIGTERM)

    assert not asyncio.run(hooked())

    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert signal.getsignal(signal.SIGTERM) is before
