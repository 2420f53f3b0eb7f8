"""What the WebSockets have in common: bounded frames, a place among the open connections, an end with the session."""

import asyncio
import contextlib
import time
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from accounts.access import Claims
from chats.connections import OpenConnections, open_connections
from common.middleware import correlation_id, name_request

TOO_BIG, FLOOD, SIGNED_OUT, TOO_MANY = 1009, 1008, 4401, 4429
BURST_SECONDS = 5


class SocketConsumer(AsyncWebsocketConsumer):
    """Subclasses define `take` and `sign_out`, and `enter` once they know who is there."""

    limit = "SOCKETS_PER_USER"
    claims: Claims
    _home: OpenConnections | None = None
    _ending: "asyncio.Task[None] | None" = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._frames = 0
        self._allowance = float(settings.SOCKET_FRAMES_PER_SECOND * BURST_SECONDS)
        self._counted_at = time.monotonic()

    async def websocket_connect(self, message: Any) -> None:
        """Name the socket; each frame's name is the socket's with a number."""
        told = next((value for name, value in self.scope["headers"] if name == b"x-request-id"), b"")
        self._name = name_request(told.decode("latin-1"))
        await super().websocket_connect(message)

    def enter(self, claims: Claims) -> None:
        """Count the socket in; raise TooManyStreams."""
        home, self.claims = open_connections(), claims
        home.enter(self)
        self._home = home

    def end(self) -> None:
        """Sign out, without anybody waiting for a client that takes nothing."""
        if self._ending is None:
            self._ending = asyncio.create_task(self.sign_out())

    async def sign_out(self) -> None:
        """Say that the session has ended, and close."""
        raise NotImplementedError

    async def push(self, frame: str) -> None:
        """Send a frame; a client that has gone needs none."""
        with contextlib.suppress(RuntimeError, OSError):
            await self.send(text_data=frame)

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close, unless that has happened."""
        with contextlib.suppress(RuntimeError, OSError):
            await super().close(code, reason)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self._frames += 1
        correlation_id.set(f"{self._name}.{self._frames}")
        if _size(text_data, bytes_data) > settings.MAX_FRAME_BYTES:
            await self.close(TOO_BIG)
        elif self._floods():
            await self.close(FLOOD)
        else:
            await self.take(text_data)

    def _floods(self) -> bool:
        """Count a frame; the allowance grows back with time."""
        now, rate = time.monotonic(), settings.SOCKET_FRAMES_PER_SECOND
        self._allowance = min(self._allowance + (now - self._counted_at) * rate, rate * BURST_SECONDS) - 1
        self._counted_at = now
        return self._allowance < 0

    async def take(self, text: str | None) -> None:
        """Do what a frame asks for; None stands for a binary one."""
        raise NotImplementedError

    async def disconnect(self, code: int) -> None:
        if self._home:
            self._home.leave(self)


def _size(text: str | None, data: bytes | None) -> int:
    return len(data or b"") if text is None else len(text.encode("utf-8", "surrogatepass"))
