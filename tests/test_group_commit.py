"""Writes that wait for SQLite's one writer are committed together, and none of them pays for another."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from accounts.models import User
from common.executor import DatabaseExecutor

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="several writers on PostgreSQL"),
]


@pytest.fixture
def executor() -> Iterator[DatabaseExecutor]:
    made = DatabaseExecutor()
    yield made
    made.close()


def run(executor: DatabaseExecutor, *calls: Callable[[], Any]) -> list[Any]:
    """Make all calls wait for one that holds the writer, so that they share a transaction."""

    async def main() -> list[Any]:
        held, free = threading.Event(), threading.Event()

        def hold() -> None:
            held.set()
            assert free.wait(10)

        first = asyncio.create_task(executor.write(hold))
        await asyncio.to_thread(held.wait, 10)
        others = [asyncio.create_task(executor.write(call)) for call in calls]
        await asyncio.sleep(0)
        free.set()
        await first
        return await asyncio.gather(*others, return_exceptions=True)

    return asyncio.run(main())


def make(name: str) -> Callable[[], bool]:
    """Return a call that makes a user and tells whether it shares its transaction."""

    def call() -> bool:
        User.objects.create(email=f"{name}@example.org")
        return len(connection.savepoint_ids) > 0

    return call


def names() -> set[str]:
    return {email.partition("@")[0] for email in User.objects.values_list("email", flat=True)}


def test_those_that_wait_share_a_transaction(executor: DatabaseExecutor) -> None:
    assert run(executor, make("a"), make("b"), make("c")) == [True, True, True]
    assert names() == {"a", "b", "c"}


def test_a_failure_concerns_its_own_call_alone(executor: DatabaseExecutor) -> None:
    def fail() -> None:
        make("lost")()
        raise ValueError("mine")

    first, failed, last = run(executor, make("a"), fail, make("b"))

    assert (first, last) == (True, True)
    assert isinstance(failed, ValueError)
    assert names() == {"a", "b"}


def test_where_the_transaction_fails_each_call_has_one_of_its_own(executor: DatabaseExecutor) -> None:
    def fail() -> None:
        raise OperationalError("the disk is full")

    first, failed, last = run(executor, make("a"), fail, make("b"))

    assert (first, last) == (False, False)
    assert isinstance(failed, OperationalError)
    assert names() == {"a", "b"}


def test_what_follows_a_commit_waits_for_it(executor: DatabaseExecutor) -> None:
    seen: list[set[str]] = []

    def call() -> None:
        make("a")()
        transaction.on_commit(lambda: seen.append(names()))

    run(executor, call, make("b"))

    assert seen == [{"a", "b"}]


def test_an_effect_of_what_was_rolled_back_never_comes(executor: DatabaseExecutor) -> None:
    seen: list[str] = []

    def call() -> None:
        transaction.on_commit(lambda: seen.append("launched"))
        raise ValueError("refused")

    run(executor, call, make("b"))

    assert seen == []
    assert names() == {"b"}
