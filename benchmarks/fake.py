"""A provider that costs next to nothing: raw asyncio, ready-made chunks, one timer for all paced streams."""

import asyncio
import sys
import time
from functools import cache
from typing import Any

import uvloop

from benchmarks import texts

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    b"Connection: keep-alive\r\n\r\n"
)
BEFORE = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,'
)
ROLE = BEFORE + b'"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
STOP = BEFORE + b'"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = (
    b'data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"bench","choices":[],'
    b'"usage":{"prompt_tokens":9,"completion_tokens":%d,"total_tokens":%d}}\n\n'
)


FAULT = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def delta(token: bytes) -> bytes:
    return chunk(BEFORE + b'"delta":{"content":"%b"},"finish_reason":null}]}\n\n' % token)


def ending(count: int) -> bytes:
    return chunk(STOP) + chunk(USAGE % (count, 9 + count)) + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


@cache
def packets(count: int) -> tuple[bytes, ...]:
    """Return an unpaced reply as the pieces to be written."""
    deltas = [delta(token.encode()) for token in texts.tokens(count)]
    grouped = [b"".join(deltas[at : at + texts.PACKET]) for at in range(0, count, texts.PACKET)] or [b""]
    grouped[0] = HEAD + chunk(ROLE) + grouped[0]
    grouped[-1] += ending(count)
    return tuple(grouped)


@cache
def whole(count: int) -> bytes:
    """Return the answer to a request that does not stream."""
    body = (
        b'{"id":"chatcmpl-bench","object":"chat.completion","created":1,"model":"bench","choices":[{"index":0,'
        b'"message":{"role":"assistant","content":"%b"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":9,"completion_tokens":%d,"total_tokens":%d}}'
    ) % (texts.text(count).encode(), count, 9 + count)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


class Paced:
    """One paced stream: the next token each time its slot comes round."""

    __slots__ = ("count", "number", "sent", "transport")

    def __init__(self, transport: Any, count: int) -> None:
        self.transport, self.count, self.number, self.sent = transport, count, 0, bytearray()

    def tick(self, now: float) -> bool:
        """Write a token; return whether more follow."""
        if self.transport.is_closing():
            return False
        last = self.number == self.count - 1
        token = texts.checksum(bytes(self.sent)) if last else texts.stamp(self.number, now)
        self.sent += token
        self.number += 1
        self.transport.write(delta(token) + ending(self.count) if last else delta(token))
        return not last


class Pacer:
    """Streams of one pace, spread over slots a millisecond apart."""

    def __init__(self, pace: int) -> None:
        self.slots: list[set[Paced]] = [set() for _ in range(pace)]
        self.loop = asyncio.get_running_loop()
        self.turn = self.joined = 0
        self.due = self.loop.time()
        self.running = False

    def add(self, stream: Paced) -> None:
        self.slots[self.joined % len(self.slots)].add(stream)
        self.joined += 1
        if not self.running:
            self.running, self.due = True, self.loop.time()
            self.step()

    def step(self) -> None:
        slot = self.slots[self.turn % len(self.slots)]
        now = time.monotonic()
        slot.difference_update([stream for stream in slot if not stream.tick(now)])
        self.turn += 1
        self.due += 0.001
        self.running = any(self.slots) or self.turn % len(self.slots) != 0
        if self.running:
            self.loop.call_at(self.due, self.step)


pacers: dict[int, Pacer] = {}


class Provider(asyncio.Protocol):
    """Answers POSTs one after the other; what is asked for stands in the prompt."""

    def connection_made(self, transport: Any) -> None:
        self.transport, self.buffer = transport, bytearray()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        at = head.find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) >= end + 4 + size:
            body = bytes(self.buffer[end + 4 : end + 4 + size])
            del self.buffer[: end + 4 + size]
            self.answer(body)

    def answer(self, body: bytes) -> None:
        found = texts.PLAN.findall(body)
        count, pace = (int(part) for part in found[-1]) if found else (50, 0)
        if found and not count:
            self.transport.write(FAULT)
        elif b'"stream":true' not in body.replace(b" ", b""):
            self.transport.write(whole(count))
        elif pace:
            self.transport.write(HEAD + chunk(ROLE))
            if pace not in pacers:
                pacers[pace] = Pacer(pace)
            pacers[pace].add(Paced(self.transport, count))
        else:
            self.write_packets(packets(count), 0)

    def write_packets(self, pieces: tuple[bytes, ...], at: int) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(pieces[at])
        if at + 1 < len(pieces):
            asyncio.get_running_loop().call_later(0.001, self.write_packets, pieces, at + 1)


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
