"""A load generator that costs little: raw asyncio connections that keep bytes and moments, and parse afterwards."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

LAST_CHUNK = b"0\r\n\r\n"


@dataclass(slots=True)
class Answer:
    """One answer as it came: the raw bytes, and when how many of them were there."""

    sent: float
    raw: bytes
    arrivals: list[tuple[float, int]] = field(default_factory=list)  # moment, bytes so far

    @property
    def status(self) -> int:
        return int(self.raw[9:12] or 0)

    @property
    def head(self) -> bytes:
        return self.raw[: self.raw.find(b"\r\n\r\n")]

    @property
    def body(self) -> bytes:
        rest = self.raw[self.raw.find(b"\r\n\r\n") + 4 :]
        return dechunked(rest) if b"transfer-encoding: chunked" in self.head.lower() else rest

    @property
    def seconds(self) -> float:
        return self.arrivals[-1][0] - self.sent


def dechunked(data: bytes) -> bytes:
    """Return the content of a chunked body."""
    parts, at = [], 0
    while True:
        end = data.find(b"\r\n", at)
        size = int(data[at:end] or b"0", 16) if end >= 0 else 0
        if not size:
            return b"".join(parts)
        parts.append(data[end + 2 : end + 2 + size])
        at = end + 4 + size


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request at a time."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.waiting: asyncio.Future[Answer] | None = None
        self.closed = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def send(self, request: bytes) -> "asyncio.Future[Answer]":
        """Send a request; the future gives the whole answer."""
        self.parts: list[bytes] = []
        self.arrivals: list[tuple[float, int]] = []
        self.size, self.awaited, self.chunked = 0, -1, False
        self.tail, self.body_at = b"", 0
        self.waiting = asyncio.get_running_loop().create_future()
        self.sent = time.monotonic()
        self.transport.write(request)
        return self.waiting

    def data_received(self, data: bytes) -> None:
        self.size += len(data)
        self.parts.append(data)
        self.arrivals.append((time.monotonic(), self.size))
        if self.awaited < 0 and not self.chunked:
            self.require_chat()
        self.tail = (self.tail + data)[-len(LAST_CHUNK) :]
        ended = self.tail == LAST_CHUNK and self.size > self.body_at if self.chunked else self.size == self.awaited
        if ended:
            self.finish()

    def require_chat(self) -> None:
        raw = b"".join(self.parts)
        end = raw.find(b"\r\n\r\n")
        head = raw[:end].lower()
        if end < 0:
            return
        if b"transfer-encoding: chunked" in head:
            self.chunked, self.body_at = True, end + 4
        elif (at := head.find(b"content-length:")) >= 0:
            self.awaited = end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])
        elif head[9:12] in (b"204", b"304"):
            self.awaited = end + 4

    def finish(self) -> None:
        if self.waiting and not self.waiting.done():
            self.waiting.set_result(Answer(self.sent, b"".join(self.parts), self.arrivals))

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self.waiting and not self.waiting.done():
            self.finish() if self.awaited < 0 and not self.chunked and self.size else self.waiting.set_exception(
                ConnectionResetError(f"closed after {self.size} bytes")
            )

    def close(self) -> None:
        self.transport.close()


class Client:
    """A connection that is made again where the server closed it."""

    def __init__(self, port: int) -> None:
        self.port, self.connection = port, Connection()

    async def send(self, request: bytes, timeout: float = 120) -> Answer:
        if self.connection.transport is None or self.connection.closed or self.connection.transport.is_closing():
            loop = asyncio.get_running_loop()
            _, self.connection = await loop.create_connection(Connection, "127.0.0.1", self.port)
        return await asyncio.wait_for(self.connection.send(request), timeout)

    def close(self) -> None:
        if self.connection.transport:
            self.connection.close()


def request(method: str, path: str, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """Return the bytes of a request; bodies are JSON."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers)]
    if method != "GET":
        lines += [f"Content-Length: {len(body)}"] + (["Content-Type: application/json"] if body else [])
    return "\r\n".join([*lines, "", ""]).encode() + body
