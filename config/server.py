"""The ASGI server as Parley runs it."""

import logging
import platform
import socket
from contextlib import nullcontext

import django
import uvicorn
from django.conf import settings
from django.db import connection
from uvicorn.supervisors import Multiprocess

from config.protocol import ImpatientProtocol, SocketProtocol
from llm.environment import make_rows
from llm.shutdowns import warn_of_shutdowns
from ops.metrics.directory import directory
from ops.metrics.scrape import listen

logger = logging.getLogger("parley.server")


class Workers(Multiprocess):
    """Says it when a process has died; uvicorn replaces it without a word above its debugging ones."""

    def keep_subprocess_alive(self) -> None:
        before = list(self.processes)
        super().keep_subprocess_alive()
        for old, new in zip(before, self.processes, strict=False):
            if old is not new:
                logger.warning("process %s ended (%s); %s takes its place", old.pid, old.exitcode, new.pid)


def server_config(host: str, port: int, *, reload: bool = False) -> uvicorn.Config:
    """Return uvicorn's configuration; by the time it shuts down, the engine has been drained (`config.lifespan`)."""
    return uvicorn.Config(
        "config.asgi:application",
        host=host,
        port=port,
        workers=None if reload else settings.WEB_CONCURRENCY,
        reload=reload,
        loop="uvloop",
        http=ImpatientProtocol,
        ws=SocketProtocol,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # accounts.security.network counts the trusted hops itself
        timeout_graceful_shutdown=3,
        timeout_keep_alive=10,
        h11_max_incomplete_event_size=65_536,
    )


def serve(host: str, port: int, *, reload: bool = False) -> None:
    """Run until told to stop."""
    with directory() if settings.METRICS else nullcontext():
        if settings.METRICS_PORT:
            listen(settings.METRICS_HOST, settings.METRICS_PORT)
        _run(server_config(host, port, reload=reload))


def _run(config: uvicorn.Config) -> None:
    server, sockets = uvicorn.Server(config), [listening_socket(config)]
    if config.reload:
        from uvicorn.supervisors import ChangeReload

        ChangeReload(config, target=server.run, sockets=sockets).run()
    elif config.workers > 1:
        Workers(config, sockets=sockets).run()
    else:
        server.run(sockets)


def prepare() -> None:
    """Do what the processes to come find done."""
    make_rows()
    log_start()
    warn_of_shutdowns()


def log_start() -> None:
    """Say what runs here, and on what."""
    with connection.cursor():
        database = ".".join(map(str, connection.get_database_version()))
    logger.info(
        "Parley %s starts: Django %s, Python %s, %s %s, Redis %s, %d process(es)",
        settings.VERSION,
        django.__version__,
        platform.python_version(),
        connection.display_name,
        database,
        "yes" if settings.REDIS_URL else "no",
        settings.WEB_CONCURRENCY,
    )


def listening_socket(config: uvicorn.Config) -> socket.socket:
    """Return the bound socket. Its connections inherit that the kernel cuts a reader that takes nothing for a while.

    (With TCP_USER_TIMEOUT that costs no timer of ours, and what such a reader has not taken is freed at once. Systems
    without it keep such a connection until the reader leaves.)
    """
    bound = config.bind_socket()
    if option := getattr(socket, "TCP_USER_TIMEOUT", None):
        bound.setsockopt(socket.IPPROTO_TCP, option, int(settings.STALLED_SECONDS * 1000))
    return bound
