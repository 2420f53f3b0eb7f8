"""For tests that start no server: what is due is run where they are."""

import time

from asgiref.sync import async_to_sync

from common.models import Task
from common.task_queue import claim_tasks, due_queues, record_outcome
from common.task_worker import acall, call
from common.tasks import ASYNC_QUEUE


def run_due_tasks(seconds: float = 10) -> None:
    """Run what is due, and what that makes due; wait for what a server of the same run has begun."""
    deadline = time.monotonic() + seconds
    while (queues := due_queues()) or Task.objects.filter(status=Task.Status.RUNNING).exists():
        for queue_name in queues:
            for row in claim_tasks("tests", queue_name, 100, held=[]):
                record_outcome(row, async_to_sync(acall)(row) if queue_name == ASYNC_QUEUE else call(row))
        assert time.monotonic() < deadline, list(Task.objects.values_list("task_path", "status"))
        time.sleep(0.01)
