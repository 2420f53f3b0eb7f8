"""Work that a request need not wait for: `@task` makes a function one that is enqueued and called later.

A task is a row, written in the caller's transaction: it happens exactly if that commits, also after a crash, on one
process at a time (`common.task_worker`). It is called again where its process died, so it must bear repeating. The
words are those of Django 6's `django.tasks`; docs/decisions/0011 says why its database backend is not used.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec

from django.db import transaction
from django.db.models.functions import Now
from django.utils.module_loading import import_string

from common.middleware import correlation_id
from common.models import Task

P = ParamSpec("P")
Q = ParamSpec("Q")
# Seconds before each further attempt; then the task has failed, and staff may have it tried again.
RETRY_DELAYS = (5, 30, 120, 600, 3600, 21_600)
# Synchronous functions run on a few threads, coroutines on the event loop; neither waits for room that the other takes.
DEFAULT_QUEUE, ASYNC_QUEUE = "default", "async"


class Actor(NamedTuple):
    """Whom a task acts for, and their credential epoch when they asked for it."""

    user_id: int
    credential_epoch: int


class Void(Exception):
    """A task must not take effect any more; it is not tried again."""


@dataclass(frozen=True, slots=True)
class TaskFunction(Generic[P]):
    """A function that can be enqueued."""

    func: Callable[P, Any]

    @property
    def module_path(self) -> str:
        return f"{self.func.__module__}.{self.func.__qualname__}"

    @property
    def queue_name(self) -> str:
        return ASYNC_QUEUE if iscoroutinefunction(self.func) else DEFAULT_QUEUE

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Task:
        """Have the function called once the transaction has committed; the arguments must be JSON, and no secrets."""
        return self._store(args, kwargs)

    def enqueue_for(
        self: "TaskFunction[Concatenate[Actor, Q]]", actor: Actor, *args: Q.args, **kwargs: Q.kwargs
    ) -> Task:
        """Do the same on behalf of somebody, whom the function gets first.

        The task is void once their credential epoch has been raised. That is looked at before the function is called;
        what it does to the account it must tie to the epoch in its own transaction.
        """
        return self._store(args, kwargs, user_id=actor.user_id, credential_epoch=actor.credential_epoch)

    def enqueue_in(self, seconds: float, *args: P.args, **kwargs: P.kwargs) -> Task:
        """Have the function called so many seconds later, or once `run_now` is told of the task."""
        return self._store(args, kwargs, run_after=Now() + timedelta(seconds=seconds))

    def _store(self, args: Any, kwargs: Any, **values: Any) -> Task:
        row = Task.objects.create(
            task_path=self.module_path,
            queue_name=self.queue_name,
            args_kwargs={"args": args, "kwargs": kwargs},
            correlation_id=correlation_id.get(),
            **values,
        )
        transaction.on_commit(wake_workers)
        return row


def task(func: Callable[P, Any]) -> TaskFunction[P]:
    """Make a function of a module a task."""
    return TaskFunction(func)


def function_of(row: Task) -> TaskFunction[Any]:
    """Return what a row names; raise ImportError for what is no task (any more)."""
    found = import_string(row.task_path)
    if not isinstance(found, TaskFunction):
        raise ImportError(f"{row.task_path} is not a task")
    return found


_listeners: list[Callable[[], object]] = []


def on_enqueue(listener: Callable[[], object]) -> None:
    """Call a function, on whichever thread, after a task of this process has been committed."""
    _listeners.append(listener)


def off_enqueue(listener: Callable[[], object]) -> None:
    """Take that back."""
    _listeners.remove(listener)


def wake_workers() -> None:
    """Have the workers of this process look at once."""
    for listener in tuple(_listeners):
        with suppress(RuntimeError):  # its loop has been closed meanwhile
            listener()
