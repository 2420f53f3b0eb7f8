"""The rows of background work: due, claimed, renewed, settled. A lease says whose a task is."""

import asyncio
import logging
import random
import traceback
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from common.models import Task
from common.tasks import ASYNC_QUEUE, RETRY_DELAYS, Actor, TaskFunction, Void, function_of, wake_workers

logger = logging.getLogger("parley.tasks")
CLEARED_AT_ONCE = 1000
_NO_ARGUMENTS: dict[str, Any] = {"args": [], "kwargs": {}}  # they may name addresses, and are needed no more
_authorities: list[Callable[[Actor], bool]] = []


def register_authority(may_act: Callable[[Actor], bool]) -> None:
    """Name the function that tells whether a credential epoch still holds; without one nobody acts later."""
    _authorities[:] = [may_act]


def _due() -> Q:
    gone = Q(status=Task.Status.RUNNING, lease_until__lt=Now())  # its process is
    return Q(status=Task.Status.READY, run_after__lte=Now()) | gone


def _lease_end() -> Any:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def due_queues() -> set[str]:
    """Return the queues in which anything waits; reading costs the writers nothing."""
    return set(Task.objects.filter(_due()).values_list("queue_name", flat=True).distinct())


@transaction.atomic
def claim_tasks(owner: str, queue_name: str, most: int, held: Collection[UUID]) -> list[Task]:
    """Take what is due, the oldest first; another process that asks at the same moment gets others.

    What the owner still `held` when the lease ran out is under way already.
    """
    waiting = Task.objects.select_for_update(skip_locked=True).filter(_due(), queue_name=queue_name)
    rows = list(waiting.exclude(pk__in=held).order_by("pk")[:most])
    Task.objects.filter(pk__in=[row.pk for row in rows]).update(
        status=Task.Status.RUNNING, lease_owner=owner, lease_until=_lease_end(),
        attempts=F("attempts") + 1, started_at=Now(),
    )  # fmt: skip
    for row in rows:
        row.lease_owner, row.attempts = owner, row.attempts + 1
    return rows


def renew_leases(owner: str, ids: Collection[UUID]) -> set[UUID]:
    """Give the leases of running tasks a new end; return those that another worker has by now."""
    running = Task.objects.filter(pk__in=ids, status=Task.Status.RUNNING)
    running.filter(lease_owner=owner).update(lease_until=_lease_end())
    return set(running.exclude(lease_owner=owner).values_list("pk", flat=True))


def function_to_call(row: Task) -> tuple[TaskFunction[Any], list[Any], dict[str, Any]]:
    """Return what a claimed task calls, with which arguments; raise Void where it may not take effect any more."""
    args, kwargs = row.args_kwargs["args"], row.args_kwargs["kwargs"]
    if row.attempts > len(RETRY_DELAYS) + 1:
        raise Void("it took its process with it each time")
    if row.user_id is not None and row.credential_epoch is not None:
        actor = Actor(row.user_id, row.credential_epoch)
        if not any(may_act(actor) for may_act in _authorities):
            raise Void("the account was secured since")
        args = [actor, *args]
    return function_of(row), args, kwargs


def record_outcome(row: Task, error: BaseException | None) -> None:
    """Record how an attempt ended, unless another process has the task by now."""
    held = Task.objects.filter(
        pk=row.pk, status=Task.Status.RUNNING, lease_owner=row.lease_owner, attempts=row.attempts
    )
    held.update(lease_owner="", lease_until=None, **_outcome(row, error))


def _outcome(row: Task, error: BaseException | None) -> dict[str, Any]:
    if error is None:
        return {
            "status": Task.Status.SUCCESSFUL, "finished_at": Now(), "error": "", "args_kwargs": _NO_ARGUMENTS,
        }  # fmt: skip
    if isinstance(error, asyncio.CancelledError):  # this process stops; it is nobody's failure
        # A thread cannot be stopped, and may live as long as the process, which is about to end.
        wait = 0 if row.queue_name == ASYNC_QUEUE else settings.LEASE_SECONDS
        return {"status": Task.Status.READY, "run_after": Now() + timedelta(seconds=wait), "attempts": row.attempts - 1}
    name = type(error).__name__
    if isinstance(error, Void):
        logger.info("task %s is void: %s", row, error)
        return {"status": Task.Status.FAILED, "finished_at": Now(), "error": name, "args_kwargs": _NO_ARGUMENTS}
    if row.attempts > len(RETRY_DELAYS) or isinstance(error, ImportError):
        logger.error("task %s failed for good: %s", row, _described(error))
        return {"status": Task.Status.FAILED, "finished_at": Now(), "error": name}
    logger.warning("task %s failed, trying again: %s", row, _described(error))
    wait = RETRY_DELAYS[row.attempts - 1] * random.uniform(1, 1.2)  # noqa: S311
    return {"status": Task.Status.READY, "run_after": Now() + timedelta(seconds=wait), "error": name}


def _described(error: BaseException) -> str:
    """Return class and place of an error; its text may quote people."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__


def run_now(id_: UUID) -> None:
    """Have a task that waits for its time called at once."""
    Task.objects.filter(pk=id_, status=Task.Status.READY).update(run_after=Now())
    transaction.on_commit(wake_workers)


def repeat(rows: "QuerySet[Task]") -> int:
    """Have failed tasks tried anew, but for those that are void; return how many there were."""
    failed = rows.filter(status=Task.Status.FAILED).exclude(error=Void.__name__)
    count = failed.update(status=Task.Status.READY, attempts=0, run_after=Now(), finished_at=None)
    transaction.on_commit(wake_workers)
    return count


def forget_finished() -> int:
    """Delete what was done `TASK_KEEP_HOURS` ago, and what failed `TASK_KEEP_FAILED_DAYS` ago; return how many."""
    ids = list(finished_tasks().values_list("pk", flat=True)[:CLEARED_AT_ONCE])
    return Task.objects.filter(pk__in=ids).delete()[0] if ids else 0


def finished_tasks() -> "QuerySet[Task]":
    """Return the tasks that are kept no longer."""
    done = Q(finished_at__lt=Now() - timedelta(hours=settings.TASK_KEEP_HOURS), status=Task.Status.SUCCESSFUL)
    failed = Q(finished_at__lt=Now() - timedelta(days=settings.TASK_KEEP_FAILED_DAYS), status=Task.Status.FAILED)
    return Task.objects.filter(done | failed)
