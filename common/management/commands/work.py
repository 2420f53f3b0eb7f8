"""`manage.py work`: a process that does background work only, beside or instead of the servers'."""

import asyncio
import contextlib
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from common.executor import close_database
from common.task_worker import TaskWorker


class Command(BaseCommand):
    help = "Run background tasks until told to stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, then stop")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        try:
            asyncio.run(self._drain() if once else self._work())
        finally:
            close_database()

    async def _drain(self) -> None:
        worker = TaskWorker()
        await worker.drain()
        await worker.close()

    async def _work(self) -> None:
        worker, loop = TaskWorker(), asyncio.get_running_loop()
        running = asyncio.create_task(worker.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, running.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await worker.close()
