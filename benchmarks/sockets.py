"""A WebSocket client as cheap as the rest of the load generator: no extensions, bytes kept, parsed by hand."""

import asyncio
import base64
import os
import struct
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.load import Answer

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def frame(payload: bytes, kind: int = TEXT) -> bytes:
    """Return a client's frame; the mask is zero, which is a mask like any other."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65536:
        length = b"\xfe" + struct.pack(">H", size)
    else:
        length = b"\xff" + struct.pack(">Q", size)
    return bytes([0x80 | kind]) + length + b"\0\0\0\0" + payload


class Socket(asyncio.Protocol):
    """An open socket; `send` gives everything that comes up to the frame that has `done` in it."""

    def __init__(self, done: bytes) -> None:
        self.done, self.buffer, self.opened = done, bytearray(), asyncio.get_running_loop().create_future()
        self.waiting: asyncio.Future[Answer] | None = None
        self.greeted = asyncio.Event()
        self.parts: list[bytes] = []
        self.arrivals: list[tuple[float, int]] = []
        self.size, self.sent = len(HEAD), 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.opened.done():
            self.read_handshake()
        while self.read_frame():
            pass

    def read_handshake(self) -> None:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        if not self.buffer.startswith(b"HTTP/1.1 101"):
            self.opened.set_exception(ConnectionError(bytes(self.buffer[:200])))
            return
        del self.buffer[: end + 4]
        self.opened.set_result(None)

    def read_frame(self) -> bool:
        """Take one frame off the buffer, if it is all there."""
        buffer = self.buffer
        if len(buffer) < 2 or not self.opened.done():
            return False
        size, at = buffer[1] & 0x7F, 2
        if size == 126:
            size, at = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < at + size or (at > 2 and len(buffer) < at):
            return False
        kind, payload = buffer[0] & 0x0F, bytes(buffer[at : at + size])
        del buffer[: at + size]
        self.take(kind, payload)
        return True

    def take(self, kind: int, payload: bytes) -> None:
        if kind == PING:
            self.transport.write(frame(payload, PONG))
        if kind != TEXT:
            return
        self.greeted.set()
        self.parts.append(payload)
        self.size += len(payload) + 1
        self.arrivals.append((time.monotonic(), self.size))
        if self.done in payload and self.waiting and not self.waiting.done():
            self.waiting.set_result(Answer(self.sent, HEAD + b"\n".join(self.parts), self.arrivals))

    def send(self, payload: bytes) -> "asyncio.Future[Answer]":
        self.parts, self.arrivals, self.size = [], [], len(HEAD)
        self.waiting, self.sent = asyncio.get_running_loop().create_future(), time.monotonic()
        self.transport.write(frame(payload))
        return self.waiting

    def connection_lost(self, error: Exception | None) -> None:
        for future in (self.opened, self.waiting):
            if future and not future.done():
                future.set_exception(ConnectionResetError("the socket was closed"))


class SocketClient:
    """A socket that is opened when it is first used."""

    def __init__(self, port: int, path: str, headers: Sequence[tuple[str, str]], hello: bytes, done: bytes) -> None:
        self.port, self.path, self.headers, self.hello, self.done = port, path, headers, hello, done
        self.socket: Socket | None = None

    async def open(self) -> Socket:
        _, made = await asyncio.get_running_loop().create_connection(lambda: Socket(self.done), "127.0.0.1", self.port)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {self.path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
            *(f"{name}: {value}" for name, value in self.headers), "", "",
        ]  # fmt: skip
        made.transport.write("\r\n".join(lines).encode())
        await asyncio.wait_for(made.opened, 30)
        if self.hello:
            made.transport.write(frame(self.hello))
        await asyncio.wait_for(made.greeted.wait(), 30)  # every server measured here says something first
        return made

    async def send(self, payload: bytes, timeout: float = 120) -> Answer:
        self.socket = self.socket or await self.open()
        return await asyncio.wait_for(self.socket.send(payload), timeout)

    def close(self) -> None:
        if self.socket:
            self.socket.transport.close()
