"""What only the database knows, asked at each scrape: a few counts, each of so many rows at most."""

from collections.abc import Iterator

from django.db import DatabaseError, InterfaceError, connection
from django.db.models import QuerySet
from django.db.models.functions import Now
from prometheus_client.core import GaugeMetricFamily

from chats.models import UNFINISHED, Turn
from common.executor import own_connection
from common.models import Task

MOST = 10_000  # of a kind are counted
TASKS = (Task.Status.READY, Task.Status.RUNNING)


class DatabaseGauges:
    """A collector; it has a connection for as long as it asks."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("parley_database_up", "Whether the database answers", value=1)
        try:
            if not connection.in_atomic_block:
                own_connection()
            yield from [turns(), tasks(), oldest_task()]
        except (DatabaseError, InterfaceError):
            up = GaugeMetricFamily(up.name, up.documentation, value=0)
        finally:
            if not connection.in_atomic_block:
                connection.close()
        yield up


def turns() -> GaugeMetricFamily:
    family = GaugeMetricFamily("parley_unfinished_turns", "Turns that run or wait, everywhere", labels=["state"])
    for state in UNFINISHED:
        family.add_metric([state], _count(Turn.objects.filter(state__in=UNFINISHED, state=state)))
    return family


def tasks() -> GaugeMetricFamily:
    family = GaugeMetricFamily("parley_tasks", "Background work that is not done", labels=["status"])
    for status in TASKS:
        family.add_metric([status.lower()], _count(Task.objects.filter(status=status)))
    return family


def oldest_task() -> GaugeMetricFamily:
    due = Task.objects.filter(status=Task.Status.READY, run_after__lte=Now()).order_by("run_after")
    found = due.annotate(now=Now()).values_list("run_after", "now").first()
    late = (found[1] - found[0]).total_seconds() if found else 0.0
    return GaugeMetricFamily("parley_oldest_task_seconds", "For how long the oldest task is overdue", value=late)


def _count(rows: "QuerySet[Turn] | QuerySet[Task]") -> int:
    return rows.order_by()[:MOST].count()
