"""`manage.py work`: a process that does background work only, beside the servers'."""

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand

from common.executor import close_database
from common.task_worker import TaskWorker


class Command(BaseCommand):
    help = "Runs background tasks until told to stop."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            asyncio.run(_work())
        finally:
            close_database()


async def _work() -> None:
    worker, told_to_stop = TaskWorker(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    worker.start()
    await told_to_stop.wait()
    await worker.close()
