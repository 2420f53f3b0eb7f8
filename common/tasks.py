"""Work that a request need not wait for: `@task` makes a function one that is enqueued and called later.

A task is a row, written in the caller's transaction: it happens exactly if that commits, also after a crash, on one
process at a time (`common.task_worker`). It may be called again where its process died, so it must bear repeating. The
words are those of Django 6's `django.tasks`; docs/decisions/0011 says why its database backend is not used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Generic, NamedTuple, ParamSpec

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from common.models import Task

P = ParamSpec("P")
# Seconds before each further attempt; then the task has failed, and staff may have it tried again.
RETRY_DELAYS = (5, 30, 120, 600, 3600, 21_600)
CLEARED_AT_ONCE = 1000


class Actor(NamedTuple):
    """Whom a task acts for, and their credential epoch when they asked for it."""

    user_id: int
    credential_epoch: int


class Void(Exception):
    """A task finds that it must not take effect any more; it is not tried again."""


@dataclass(frozen=True, slots=True)
class TaskFunction(Generic[P]):
    """A function that can be enqueued; `delays` are the pauses between its attempts."""

    function: Callable[P, Any]
    delays: tuple[float, ...]

    @property
    def path(self) -> str:
        return f"{self.function.__module__}.{self.function.__qualname__}"

    @property
    def is_async(self) -> bool:
        return iscoroutinefunction(self.function)

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Task:
        """Have the function called once the transaction has committed; the arguments must be JSON."""
        return self.enqueue_for(None, *args, **kwargs)

    def enqueue_for(self, actor: Actor | None, *args: P.args, **kwargs: P.kwargs) -> Task:
        """Do the same on behalf of somebody: void once their credential epoch has been raised."""
        row = Task.objects.create(
            task_path=self.path,
            args_kwargs={"args": args, "kwargs": kwargs},
            user_id=actor and actor.user_id,
            credential_epoch=actor and actor.credential_epoch,
        )
        transaction.on_commit(_wake)
        return row


def task(*, delays: tuple[float, ...] = RETRY_DELAYS) -> Callable[[Callable[P, Any]], TaskFunction[P]]:
    """Make a function of a module a task."""
    return partial(TaskFunction, delays=delays)


def function_of(row: Task) -> TaskFunction[Any]:
    """Return what a row names; raise ImportError for what is no task (any more)."""
    found = import_string(row.task_path)
    if not isinstance(found, TaskFunction):
        raise ImportError(f"{row.task_path} is not a task")
    return found


_listeners: list[Callable[[], None]] = []


def on_enqueue(listener: Callable[[], None]) -> None:
    """Call a function, on whichever thread, after a task of this process has been committed."""
    _listeners.append(listener)


def off_enqueue(listener: Callable[[], None]) -> None:
    """Take that back."""
    _listeners.remove(listener)


def _wake() -> None:
    for listener in _listeners:
        listener()


def repeat(rows: Any) -> int:
    """Have failed tasks tried anew; return how many there were."""
    failed = rows.filter(status=Task.Status.FAILED)
    count: int = failed.update(
        status=Task.Status.READY, attempts=0, run_after=timezone.now(), finished_at=None, error=""
    )
    transaction.on_commit(_wake)
    return count


def forget_finished() -> int:
    """Delete what was done `TASK_KEEP_HOURS` ago, and what failed `TASK_KEEP_FAILED_DAYS` ago; return how many."""
    now = timezone.now()
    done = _finished_before(now - timedelta(hours=settings.TASK_KEEP_HOURS), Task.Status.SUCCESSFUL)
    failed = _finished_before(now - timedelta(days=settings.TASK_KEEP_FAILED_DAYS), Task.Status.FAILED)
    ids = [*done[:CLEARED_AT_ONCE], *failed[:CLEARED_AT_ONCE]]
    return Task.objects.filter(pk__in=ids).delete()[0] if ids else 0


def _finished_before(instant: datetime, status: str) -> Any:
    return Task.objects.filter(finished_at__lt=instant, status=status).values_list("pk", flat=True)
