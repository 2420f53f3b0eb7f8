"""Lifespan of the server: the engine starts with it and drains with it."""

import logging
from typing import Any

from chats.turns.engine import start_engine, stop_engine
from common.executor import close_database
from llm.streaming import close as close_providers

logger = logging.getLogger("parley.server")


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
            await start_engine()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await stop_engine()
            await close_providers()
            close_database()
            await send({"type": "lifespan.shutdown.complete"})
            return
