"""The ASGI server as Parley runs it."""

import uvicorn
from django.conf import settings


def server_config(host: str, port: int, *, reload: bool = False) -> uvicorn.Config:
    """Return uvicorn's configuration; by the time it shuts down, the engine has been drained (`config.lifespan`)."""
    return uvicorn.Config(
        "config.asgi:application",
        host=host,
        port=port,
        workers=None if reload else settings.WEB_CONCURRENCY,
        reload=reload,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.TRUSTED_PROXIES > 0,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=10,
        h11_max_incomplete_event_size=65_536,
    )


def serve(host: str, port: int, *, reload: bool = False) -> None:
    """Run until told to stop."""
    config = server_config(host, port, reload=reload)
    server = uvicorn.Server(config)
    if reload:
        from uvicorn.supervisors import ChangeReload

        ChangeReload(config, target=server.run, sockets=[config.bind_socket()]).run()
    elif config.workers > 1:
        from uvicorn.supervisors import Multiprocess

        Multiprocess(config, sockets=[config.bind_socket()]).run()
    else:
        server.run()
