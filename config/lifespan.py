"""Lifespan of the server: the engine starts with it; a stop signal drains the engine first."""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from django.conf import settings
from django.urls import get_resolver

from chats.turns.engine import engine, start_engine, stop_engine
from common.executor import close_database
from common.memory import share_arenas
from common.periodic import run_jobs
from common.task_worker import TaskWorker
from feed.wakeups import end_readers
from llm.client.sessions import close_session
from llm.moderation import close_clients
from llm.snapshot import look
from streamchat.lifespan import close_stream, start_stream

logger = logging.getLogger("parley.server")

# After how long a thread that computes lets the loop go on; with the stock 5 ms, a few such waits in a row are felt.
SWITCH_SECONDS = 0.001


def with_lifespan(application: Any) -> Any:
    """Answer the server's lifespan events; pass everything else on."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await application(scope, receive, send)

    return wrapped


async def _live(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            share_arenas()
            await look()  # a model that was switched off is none, from the first request on
            await start_engine()
            if settings.METRICS:
                from ops.metrics.start import start_metrics

                start_metrics()
            recurring = asyncio.create_task(run_jobs())
            tasks = TaskWorker()
            tasks.start()
            await start_stream()
            drain_before_exit(tasks)
            load_views()
            tune_gc()
            sys.setswitchinterval(SWITCH_SECONDS)
            logger.info("process %d takes requests", os.getpid())
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            recurring.cancel()
            await stop_engine()
            await tasks.close()
            await close_stream()
            await close_session()
            await close_clients()
            close_database()
            await send({"type": "lifespan.shutdown.complete"})
            return


def load_views() -> None:
    """Import what the addresses name, before the first request wants it and what lives long is put aside."""
    get_resolver().url_patterns  # noqa: B018 - a property that imports


def tune_gc() -> None:
    """Keep Python's collector of cycles from what was loaded, and from looking at every open stream all the time.

    Ours make hardly any cycles; with the stock thresholds 500 open streams stood still for 90 ms now and then.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def drain_before_exit(tasks: TaskWorker) -> None:
    """Put a drain before what uvicorn does on SIGTERM and SIGINT; then it exits with status 0.

    Until the drain is over the server answers: readers get their ends, new turns get 503. A second SIGINT ends it at
    once; SIGTERM may come twice, from a supervisor and from the parent process.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    handler = signal.getsignal(signal.SIGTERM)
    server: Any = getattr(handler, "__self__", None)
    if not hasattr(server, "should_exit"):
        logger.error("SIGTERM is not handled by a uvicorn server: a stop will not wait for running replies")
        return
    loop = asyncio.get_running_loop()
    draining: list[asyncio.Task[None]] = []

    async def drain() -> None:
        tasks.stop()
        await engine().drain()
        end_readers()
        server.should_exit = True

    def on_signal(number: int, frame: FrameType | None) -> None:
        if not draining:
            logger.warning("stopping: running replies get their grace")
            loop.call_soon_threadsafe(lambda: draining.append(loop.create_task(drain())))
        elif number == signal.SIGINT and callable(handler):
            handler(number, frame)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
