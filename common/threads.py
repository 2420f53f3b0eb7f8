"""A thread for a call that may take its time, with a database connection of its own for as long as it lasts."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

from django.db import connection, connections

R = TypeVar("R")


async def run_in_thread(call: Callable[[], R]) -> R:
    """Run on a thread that holds up neither the loop nor the end of the process, as those of an executor do.

    Cancelled, it is waited for no longer; the call itself cannot be stopped.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def resolve(result: R | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]
        else:
            future.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = call()
        except BaseException as caught:
            error = caught
        finally:
            if not connection.in_atomic_block:  # a test's own transaction
                connections.close_all()
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(resolve, result, error)

    context = copy_context()  # what it logs has the request's id
    threading.Thread(target=context.run, args=(run,), name="call", daemon=True).start()
    return await future
