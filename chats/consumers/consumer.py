"""The socket itself: lets its user in, hands frames on, closes where it must."""

import asyncio
import contextlib
import logging
import time
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from accounts.access import Claims
from chats.consumers.authentication import claims_of_handshake, claims_of_token
from chats.consumers.encoder import READY, error_frame
from chats.consumers.frames import Frame, read_frame
from chats.consumers.handlers import FrameHandlers
from chats.consumers.open_sockets import open_sockets
from common.errors import NotSignedIn, ParleyError
from common.executor import database
from common.problems import ServerError, as_refusal

logger = logging.getLogger("parley.sockets")
TOO_BIG, FLOOD, SIGNED_OUT, TOO_MANY = 1009, 1008, 4401, 4429
BURST_SECONDS = 5


class ChatConsumer(AsyncWebsocketConsumer):
    """Many chats over one connection."""

    async def connect(self) -> None:
        self.handlers: FrameHandlers | None = None
        self._patience = float(settings.SOCKET_FRAMES_PER_SECOND * BURST_SECONDS)
        self._heard = time.monotonic()
        await self.accept()
        self._expiry = asyncio.create_task(self._expire())
        try:
            if claims := await database().write(claims_of_handshake, self.scope):
                await self._let_in(claims)
        except NotSignedIn as refusal:
            await self._refuse(refusal)

    async def _expire(self) -> None:
        await asyncio.sleep(settings.SOCKET_AUTH_SECONDS)
        await self.close(SIGNED_OUT)

    async def _let_in(self, claims: Claims) -> None:
        if not open_sockets.enter(claims, self.sign_out):
            await self.close(TOO_MANY)
            return
        self._expiry.cancel()
        self.handlers = FrameHandlers(claims, self.push)
        await self.push(READY)

    async def push(self, frame: str) -> None:
        """Send a frame; a client that has gone needs none."""
        with contextlib.suppress(RuntimeError):
            await self.send(text_data=frame)

    async def sign_out(self) -> None:
        """Close because the session has ended."""
        await self._refuse(NotSignedIn("This session has ended; sign in again."))

    async def _refuse(self, refusal: ParleyError) -> None:
        await self.push(error_frame(refusal, {}))
        with contextlib.suppress(RuntimeError):
            await self.close(SIGNED_OUT)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if _size(text_data, bytes_data) > settings.MAX_FRAME_BYTES:
            await self.close(TOO_BIG)
        elif self._floods():
            await self.close(FLOOD)
        else:
            await self._take(text_data)

    def _floods(self) -> bool:
        """Count a frame; the allowance grows back with time."""
        now, rate = time.monotonic(), settings.SOCKET_FRAMES_PER_SECOND
        self._patience = min(self._patience + (now - self._heard) * rate, rate * BURST_SECONDS) - 1
        self._heard = now
        return self._patience < 0

    async def _take(self, text: str | None) -> None:
        data: dict[str, Any] = {}
        try:
            frame = read_frame(text)
            data = frame.data
            await self._handle(frame)
        except NotSignedIn as error:
            await self._refuse(error)
        except Exception as error:
            refusal = as_refusal(error)
            if refusal is None:
                logger.exception("a frame failed")
            await self.push(error_frame(refusal or ServerError(), data))

    async def _handle(self, frame: Frame) -> None:
        if self.handlers is not None:
            self.handlers.handle(frame)
        elif frame.type == "auth":
            await self._let_in(await database().read(claims_of_token, frame.token))
        else:
            raise NotSignedIn("Send an auth frame first.")

    async def disconnect(self, code: int) -> None:
        self._expiry.cancel()
        open_sockets.leave(self.sign_out)
        if self.handlers:
            self.handlers.close()


def _size(text: str | None, data: bytes | None) -> int:
    return len(data or b"") if text is None else len(text.encode("utf-8", "surrogatepass"))
