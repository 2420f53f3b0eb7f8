"""Mails leave beside the request: a dead mail server neither delays nor changes an answer.

A few threads and a bounded queue per process. What does not fit, or fails, is logged without its text; every mail of
ours can be asked for again.
"""

import atexit
import logging
import queue
import threading
import time
from collections.abc import Callable
from functools import cache, partial
from typing import ParamSpec

from django.db import connections

logger = logging.getLogger("parley.accounts")
P = ParamSpec("P")
THREADS, WAITING, LAST_SECONDS = 2, 1000, 3.0


class MailWorker:
    """Runs jobs one after another on daemon threads that start with the first job."""

    def __init__(self) -> None:
        self._jobs: queue.Queue[Callable[[], None]] = queue.Queue(WAITING)
        for number in range(THREADS):
            threading.Thread(target=self._work, name=f"mail-{number}", daemon=True).start()

    def submit(self, job: Callable[[], None]) -> None:
        """Queue a job; never wait."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            logger.error("a mail was dropped: %d are waiting already", WAITING)

    def drain(self, seconds: float) -> bool:
        """Wait until all jobs are done, at most so long; tell whether they are."""
        deadline = time.monotonic() + seconds
        with self._jobs.all_tasks_done:
            while self._jobs.unfinished_tasks and (left := deadline - time.monotonic()) > 0:
                self._jobs.all_tasks_done.wait(left)
            return not self._jobs.unfinished_tasks

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except Exception as error:  # one mail's failure is not the next one's; its text would hold addresses
                logger.error("a mail could not be sent: %s", type(error).__name__)
            finally:
                connections.close_all()
                self._jobs.task_done()


_making = threading.Lock()


def mail_worker() -> MailWorker:
    """Return the one worker of this process, which finishes what it can at exit."""
    with _making:
        return _worker()


@cache
def _worker() -> MailWorker:
    made = MailWorker()
    atexit.register(made.drain, LAST_SECONDS)
    return made


def enqueue(job: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Run a mail job beside the request."""
    mail_worker().submit(partial(job, *args, **kwargs))
