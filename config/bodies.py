"""The bodies of requests: each bounded, all that are still arriving bounded together, refused ones not kept."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, BinaryIO

from django.conf import settings
from django.core.exceptions import RequestAborted

from common.errors import BodyTooLarge, ParleyError, Unavailable
from common.unnamed_file import unnamed_file

Receive = Callable[[], Awaitable[Any]]
Admit = Callable[[], Awaitable[None]]

PIECE = 2**18  # bytes of an upload that are written at once
LINGER_BYTES = 2**26
LINGER_IDLE_SECONDS = 2.0


class SlowBody(ParleyError):
    status, code, title = 408, "body_timeout", "The body of the request did not arrive in time."


class UnreadBytes:
    """What the bodies that are arriving hold of this process's memory, or of its disk."""

    def __init__(self, limit: str) -> None:
        self._limit, self.held = limit, 0

    def take(self, size: int) -> None:
        """Count in what came; raise Unavailable (503) where that is more than the limit."""
        self.held += size
        if self.held > getattr(settings, self._limit):
            raise Unavailable("Too much is being sent at once; try again.", retry_after=settings.BODY_SECONDS)

    def give_back(self, size: int) -> None:
        self.held -= size


unread = UnreadBytes("MAX_UNREAD_BYTES")
uploading = UnreadBytes("MAX_UPLOADING_BYTES")


class Allowance:
    """How large a body may be: up to `MAX_BODY_BYTES`, and up to what its view takes once `admit` has let it pass."""

    def __init__(self, most: int, admit: Admit) -> None:
        self._most, self._admit = most, admit
        self._now = min(most, settings.MAX_BODY_BYTES)

    async def require(self, size: int) -> None:
        """Raise BodyTooLarge, or what `admit` refuses with."""
        if size <= self._now:
            return
        if size > self._most:
            raise BodyTooLarge()
        await self._admit()
        self._now = self._most


async def read_body(scope: Any, receive: Receive, most: int, admit: Admit) -> bytes:
    """Return the whole body; refuse one that is too large (413), too slow (408) or too much beside others (503).

    What a declared length decides is decided before the first `receive`, which is what makes the server answer
    `Expect: 100-continue`. What comes in one piece is held by the server already, and is not counted.
    """
    allowance = Allowance(most, admit)
    await allowance.require(declared_length(scope))
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        await allowance.require(len(body))
        return body
    try:
        async with asyncio.timeout(settings.BODY_SECONDS):
            return await _read_rest(message, receive, allowance)
    except TimeoutError as error:
        raise SlowBody() from error


async def _read_rest(message: Any, receive: Receive, allowance: Allowance) -> bytes:
    body, size = io.BytesIO(), 0
    try:
        while message["type"] != "http.disconnect":
            size += len(message["body"])
            unread.take(len(message["body"]))
            await allowance.require(size)
            body.write(message["body"])
            if not message.get("more_body"):
                return body.getvalue()
            message = await receive()
        raise RequestAborted()
    finally:
        unread.give_back(size)
        body.close()  # the traceback of a refusal holds on to this frame
        message = None


def declared_length(scope: Any) -> int:
    """Return how long a body says that it is, 0 where it does not."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length" and value.isdigit()), 0)


async def read_upload(scope: Any, receive: Receive, most: int, admit: Admit) -> BinaryIO:
    """Do the same for a body that goes to the disk, in a file without a name: whatever happens, nothing of it stays.

    Nobody sends any of it who is not let in.
    """
    if declared_length(scope) > most:
        raise BodyTooLarge()
    await admit()
    file, size = await asyncio.to_thread(unnamed_file), 0
    try:
        async with asyncio.timeout(settings.UPLOAD_SECONDS):
            async for piece in _pieces(receive):
                size += len(piece)
                uploading.take(len(piece))
                if size > most:
                    raise BodyTooLarge()
                await asyncio.to_thread(file.write, piece)
        await asyncio.to_thread(file.seek, 0)
    except BaseException as error:
        file.close()
        if isinstance(error, TimeoutError):
            raise SlowBody() from error
        if isinstance(error, OSError):
            raise Unavailable("The file could not be stored; try again later.") from error
        raise
    finally:
        uploading.give_back(size)
    return file


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    """Yield a body in pieces that are worth a thread each."""
    parts, held = list[bytes](), 0
    while True:
        message = await asyncio.wait_for(receive(), settings.BODY_SECONDS)
        if message["type"] == "http.disconnect":
            raise RequestAborted()
        part = message.get("body", b"")
        parts.append(part)
        held += len(part)
        if held >= PIECE or not message.get("more_body"):
            yield b"".join(parts)
            parts, held = [], 0
        if not message.get("more_body"):
            return


async def throw_away(receive: Receive) -> None:
    """Take what a refused client still sends, for a bounded time and amount.

    Closing on unread bytes resets the connection, and a client that is still sending would lose its answer.
    """
    left = LINGER_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(settings.BODY_SECONDS):
            while left > 0:
                message = await asyncio.wait_for(receive(), LINGER_IDLE_SECONDS)
                if not message.get("more_body"):
                    return
                left -= len(message.get("body", b""))
