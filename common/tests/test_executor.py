"""The border to the database: what happens to a call whose caller does not wait for its end."""

import asyncio
import gc
import logging
import threading
from collections.abc import Callable

import pytest
from django.db import OperationalError, connection

from common.errors import Conflict
from common.executor import close_database, database


async def left_alone(ways: str, error: Exception) -> None:
    """Start a call, cancel its caller while it runs, and let it fail afterwards."""
    running, may_go_on = threading.Event(), threading.Event()

    def call() -> None:
        running.set()
        assert may_go_on.wait(20)
        raise error

    way: Callable[..., object] = getattr(database(), ways)
    caller = asyncio.ensure_future(way(call))  # type: ignore[arg-type]
    assert await asyncio.to_thread(running.wait, 20)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    may_go_on.set()
    await way(int)  # type: ignore[misc]  # one thread a way, in order: the call before it has ended


@pytest.fixture(autouse=True)
def _one_thread_a_way(settings, django_db_setup, django_db_blocker):
    settings.DATABASE_READERS = settings.DATABASE_WRITERS = 1
    close_database()
    with django_db_blocker.unblock():
        yield
        close_database()


@pytest.mark.parametrize("ways", ["read", "write", "flush"])
@pytest.mark.parametrize("refusal", [Conflict(), OperationalError("too busy")], ids=["ours", "database"])
def test_a_refusal_that_nobody_waits_for_is_not_logged(
    ways: str, refusal: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        asyncio.run(left_alone(ways, refusal))
        gc.collect()

    assert [record for record in caplog.records if record.name != "asyncio" or record.levelno > logging.DEBUG] == []


@pytest.mark.parametrize("ways", ["read", "write", "flush"])
def test_a_failure_that_nobody_waits_for_is_logged_once(ways: str, caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(left_alone(ways, RuntimeError("broken")))
    gc.collect()

    [record] = [record for record in caplog.records if record.name == "parley.database"]
    assert record.exc_info[1].args == ("broken",)  # type: ignore[index, union-attr]


def test_who_waits_gets_result_and_refusal() -> None:
    async def asked() -> int:
        with pytest.raises(Conflict):
            await database().write(_refuse)
        return await database().read(int)

    assert asyncio.run(asked()) == 0


def _refuse() -> None:
    raise Conflict()


def test_debug_keeps_no_log_of_queries_on_these_threads(settings) -> None:
    settings.DEBUG = True

    def logged() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return len(connection.queries_log)

    assert [asyncio.run(getattr(database(), ways)(logged)) for ways in ("read", "write", "flush")] == [0, 0, 0]
