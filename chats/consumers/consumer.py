"""The socket itself: lets its user in, hands frames on, closes where it must."""

import asyncio
import logging
from typing import Any

from django.conf import settings

from accounts.access import Claims
from chats.consumers.authentication import claims_of_handshake, claims_of_token
from chats.consumers.encoder import READY, error_frame
from chats.consumers.frames import Frame, read_frame
from chats.consumers.handlers import FrameHandlers
from chats.errors import TooManyStreams
from chats.sockets import SIGNED_OUT, TOO_MANY, SocketConsumer
from common.errors import NotSignedIn, ParleyError
from common.executor import database
from common.problems import ServerError, as_refusal

logger = logging.getLogger("parley.sockets")


class ChatConsumer(SocketConsumer):
    """Many chats over one connection."""

    async def connect(self) -> None:
        self.handlers: FrameHandlers | None = None
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
        try:
            self.enter(claims)
        except TooManyStreams:
            await self.close(TOO_MANY)
            return
        self._expiry.cancel()
        self.handlers = FrameHandlers(claims, self.push)
        await self.push(READY)

    async def sign_out(self) -> None:
        await self._refuse(NotSignedIn("This session has ended; sign in again."))

    async def _refuse(self, refusal: ParleyError) -> None:
        await self.push(error_frame(refusal, {}))
        await self.close(SIGNED_OUT)

    async def take(self, text: str | None) -> None:
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
        frame.require_known()
        if self.handlers is not None:
            self.handlers.handle(frame)
        elif frame.type == "auth":
            await self._let_in(await database().read(claims_of_token, frame.token))
        else:
            raise NotSignedIn("Send an auth frame first.")

    async def disconnect(self, code: int) -> None:
        self._expiry.cancel()
        await super().disconnect(code)
        if self.handlers:
            self.handlers.close()
