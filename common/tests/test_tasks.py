"""Background work: written with the caller's transaction, done once, tried again, repeated by staff."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from common.models import Task
from common.task_queue import claim_tasks, forget_finished, record_outcome, renew_leases
from common.tasks import RETRY_DELAYS
from common.testing import run_due_tasks
from common.tests.sample_tasks import anote, calls, fail, hold, no_task, note, release

pytestmark = pytest.mark.django_db(transaction=True)
READY, RUNNING, FAILED, SUCCESSFUL = Task.Status.values


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    calls.clear()
    release.clear()
    yield
    release.set()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, list(Task.objects.values())
        time.sleep(0.01)


def make_due(row: Task) -> None:
    Task.objects.filter(pk=row.pk).update(run_after=timezone.now() - timedelta(seconds=1))


def test_a_task_is_done_once_and_its_arguments_are_forgotten() -> None:
    row = note.enqueue("one")
    assert (row.status, row.queue_name, row.task_path) == (READY, "default", "common.tests.sample_tasks.note")

    run_due_tasks()
    run_due_tasks()

    row.refresh_from_db()
    assert calls["one"] == 1
    assert (row.status, row.attempts, row.error, row.lease_owner) == (SUCCESSFUL, 1, "", "")
    assert row.started_at is not None
    assert row.finished_at is not None
    assert row.args_kwargs == {"args": [], "kwargs": {}}


def test_what_the_caller_rolls_back_leaves_nothing() -> None:
    with transaction.atomic():
        note.enqueue("undone")
        transaction.set_rollback(True)

    run_due_tasks()

    assert not Task.objects.exists()
    assert not calls


def test_of_two_workers_one_gets_a_task() -> None:
    with transaction.atomic():  # so that no server of the same run takes any before
        ids = [hold.enqueue(f"{number}").pk for number in range(60)]
        Task.objects.update(queue_name="tests")
    taken: list[Task] = []
    barrier = threading.Barrier(4)

    def work(name: str) -> None:
        barrier.wait(10)
        while rows := claim_tasks(name, "tests", 7, held=[]):
            taken.extend(rows)
        connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, f"worker {number}") for number in range(4)]:
            done.result()

    # On PostgreSQL a worker that found all rows locked by others goes away; what it left, nobody has twice.
    assert sorted(row.pk for row in taken) == sorted(ids)
    owners = dict(Task.objects.values_list("pk", "lease_owner"))
    assert all(owners[row.pk] == row.lease_owner for row in taken)


def test_a_task_is_woken_up_at_once_however_seldom_workers_look(settings, live) -> None:
    settings.TASK_POLL_SECONDS = 60
    for name in ("first", "second"):  # the second comes after the worker has begun to wait
        note.enqueue(name)
        wait_until(lambda name=name: calls[name])

    anote.enqueue("third")
    wait_until(lambda: calls["third"])
    wait_until(lambda: Task.objects.filter(status=SUCCESSFUL).count() == 3)


def test_synchronous_tasks_keep_no_coroutine_from_starting(settings, live) -> None:
    for number in range(settings.TASK_CONCURRENCY * 3):
        hold.enqueue(f"held {number}")
    wait_until(lambda: sum(calls.values()) >= settings.TASK_CONCURRENCY)

    anote.enqueue("coroutine")
    wait_until(lambda: calls["coroutine"])
    release.set()
    wait_until(lambda: not Task.objects.exclude(status=SUCCESSFUL).exists())
    assert set(calls.values()) == {1}


def test_leases_are_renewed_however_seldom_workers_look(settings, live) -> None:
    settings.TASK_POLL_SECONDS, settings.LEASE_SECONDS = 60, 1
    row = hold.enqueue("held")
    wait_until(lambda: calls["held"])
    ends = set()

    def renewed() -> bool:
        row.refresh_from_db()
        ends.add(row.lease_until)
        return len(ends) >= 6  # after more than a lease

    wait_until(renewed)
    assert (row.status, row.attempts, calls["held"]) == (RUNNING, 1, 1)
    release.set()
    wait_until(lambda: Task.objects.get().status == SUCCESSFUL)


def test_a_lease_that_ran_out_is_another_workers_and_the_first_has_no_say(settings) -> None:
    with transaction.atomic():
        row = hold.enqueue("orphan")
        Task.objects.update(queue_name="tests")
    (first,) = claim_tasks("first", "tests", 1, held=[])
    assert claim_tasks("second", "tests", 1, held=[]) == []
    Task.objects.update(lease_until=timezone.now() - timedelta(hours=1))

    assert claim_tasks("first", "tests", 1, held=[row.pk]) == []  # it is under way there
    (second,) = claim_tasks("second", "tests", 1, held=[])
    record_outcome(first, None)

    assert renew_leases("first", [row.pk]) == {row.pk}
    assert renew_leases("second", [row.pk]) == set()
    row.refresh_from_db()
    assert (row.status, row.lease_owner, row.attempts) == (RUNNING, "second", 2)
    record_outcome(second, None)
    row.refresh_from_db()
    assert row.status == SUCCESSFUL


def test_a_failure_is_tried_again_after_a_pause_and_then_for_good(caplog) -> None:
    row = fail.enqueue("failing")
    for attempt, delay in enumerate(RETRY_DELAYS, 1):
        before = timezone.now()
        run_due_tasks()
        row.refresh_from_db()
        assert (row.status, row.attempts, row.error) == (READY, attempt, "ConnectionRefusedError")
        pause = (row.run_after - before).total_seconds()
        assert delay - 1 <= pause <= delay * 1.2 + 10
        make_due(row)
    run_due_tasks()

    row.refresh_from_db()
    assert (row.status, row.attempts) == (FAILED, len(RETRY_DELAYS) + 1)
    assert row.finished_at is not None
    assert calls["failing"] == row.attempts
    assert "failed for good: ConnectionRefusedError at" in caplog.text
    assert "secret@example.org" not in caplog.text + str(Task.objects.values_list("error"))


@pytest.mark.parametrize("path", ["common.tests.sample_tasks.gone", "nowhere.at_all", f"{no_task.__module__}.no_task"])
def test_what_is_no_task_fails_and_breaks_nothing(path) -> None:
    row = note.enqueue("x")
    with transaction.atomic():
        row = note.enqueue("y")
        Task.objects.filter(pk=row.pk).update(task_path=path)
    run_due_tasks()

    row.refresh_from_db()
    assert row.status == FAILED
    assert calls == {"x": 1}


def test_a_task_that_kills_its_process_each_time_is_given_up() -> None:
    with transaction.atomic():
        row = note.enqueue("poison")
        Task.objects.update(
            status=RUNNING, lease_owner="dead", lease_until=timezone.now() - timedelta(hours=1),
            attempts=len(RETRY_DELAYS) + 1,
        )  # fmt: skip
    run_due_tasks()

    row.refresh_from_db()
    assert row.status == FAILED
    assert not calls


def test_what_is_over_is_forgotten_after_its_time(settings) -> None:
    rows = {}
    for status, age in ((SUCCESSFUL, 25), (SUCCESSFUL, 23), (FAILED, 25), (FAILED, 31 * 24), (RUNNING, 0)):
        finished = timezone.now() - timedelta(hours=age) if age else None
        lease = timezone.now() + timedelta(hours=1)
        rows[status, age] = Task.objects.create(
            task_path="x", queue_name="tests", status=status, finished_at=finished, lease_until=lease
        ).pk

    assert forget_finished() == 2
    assert forget_finished() == 0
    kept = set(Task.objects.values_list("pk", flat=True))
    assert kept == {rows[key] for key in ((SUCCESSFUL, 23), (FAILED, 25), (RUNNING, 0))}
