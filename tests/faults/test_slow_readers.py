"""Readers that stop reading cost bounded memory, delay nobody, and are sent away after a while."""

import asyncio
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.faults.cluster import Cluster, Process
from tests.faults.people import Person, expected, prompt
from tests.faults.reader import Reader

pytestmark = pytest.mark.asyncio
SLOW, SIZE = 50, 1_000_000
MIB = 2**20
STALLED = 3


def stalled(person: Person, base: str, reader: Reader) -> socket.socket:
    """Ask for a stream over a connection with the smallest buffer, and never read from it."""
    parts = urlsplit(base)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect((parts.hostname, parts.port))
    path = f"/api/chats/{reader.chat}/stream/?reply={reader.reply}"
    headers = f"Host: {parts.netloc}\r\nAuthorization: Bearer {person.token}\r\n"
    sock.sendall(f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode())
    return sock


async def _highest_rss(process: Process, until: "asyncio.Future[object]") -> int:
    highest = process.rss()
    while not until.done():
        highest = max(highest, process.rss())
        await asyncio.sleep(0.05)
    return highest


async def _long_reply(person: Person, base: str) -> Reader:
    content = prompt(f"slow-{uuid.uuid4().hex}", size=SIZE, chunk=1000, delay=0.001)
    return await person.started(base, await person.chat(), content)


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


async def test_readers_that_stop_reading(
    cluster: Callable[..., Cluster], sqlite_url: str, http: aiohttp.ClientSession, sockets: ExitStack
) -> None:
    made = cluster(sqlite_url, STREAMS_PER_USER=2 * SLOW, STALLED_SECONDS=STALLED)
    (process,) = made.start()
    person = await Person.register(http, [process.url])
    for _ in range(2):  # what one reply of that length costs anyway, caches of the database included
        warm = await _long_reply(person, process.url)
        await warm.read(http, process.url)
        again = [Reader(person.token, warm.chat, warm.reply) for _ in range(6)]
        await asyncio.gather(*(each.read(http, process.url) for each in again))
    before = process.rss()
    reader = await _long_reply(person, process.url)
    for _ in range(SLOW):
        sockets.enter_context(stalled(person, process.url, reader))
    reading = asyncio.create_task(reader.read(http, process.url))
    highest = await _highest_rss(process, reading)
    await reading
    assert reader.text == expected(SIZE)
    gap = max(after[0] - earlier[0] for earlier, after in zip(reader.growth, reader.growth[1:], strict=False))
    print(f"{(highest - before) / SLOW / 1024:.0f} KiB a reader during the reply, longest gap {gap:.2f} s")
    assert highest - before <= SLOW * MIB
    assert gap < 1
    for _ in range(SLOW // 2):  # and those who ask for all of it afterwards
        sockets.enter_context(stalled(person, process.url, reader))
    highest = await _highest_rss(process, asyncio.ensure_future(asyncio.sleep(2)))
    print(f"{(highest - before) / SLOW / 1024:.0f} KiB a reader afterwards")
    assert highest - before <= 1.5 * SLOW * MIB
    await _sent_away(process)


async def _sent_away(process: Process) -> None:
    """Wait until the server has let go of every connection that took nothing."""
    deadline = time.monotonic() + 4 * STALLED
    while _connections(process) > 3:
        assert time.monotonic() < deadline, f"{_connections(process)} stalled connections are still open"
        await asyncio.sleep(0.2)


def _connections(process: Process) -> int:
    """Count the established connections of a server's port, from the kernel's table."""
    port = f":{process.port:04X}"
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(row[1].endswith(port) and row[3] == "01" for row in rows)


async def test_open_streams_are_capped(
    cluster: Callable[..., Cluster], sqlite_url: str, http: aiohttp.ClientSession
) -> None:
    (process,) = cluster(sqlite_url, STREAMS_PER_USER=3, KEEPALIVE_SECONDS=1).start()
    person = await Person.register(http, [process.url])
    content = prompt("capped", size=300, chunk=10, delay=0.03, first_delay=3)
    reader = await person.started(process.url, await person.chat(), content)
    readers = [Reader(person.token, reader.chat, reader.reply) for _ in range(3)]
    reading = [asyncio.create_task(each.read(http, process.url)) for each in readers]
    await asyncio.sleep(0.5)
    refused = await person.call("GET", process.url, f"/api/chats/{reader.chat}/stream/?reply={reader.reply}")
    assert (refused.status, refused.body["code"]) == (429, "too_many_streams")
    assert "Retry-After" in refused.headers
    other = await Person.register(http, [process.url])
    theirs = await other.started(process.url, await other.chat(), prompt("theirs", size=100, chunk=10))
    await theirs.read(http, process.url)
    await asyncio.gather(*reading)
    for each in readers:
        assert each.text == expected(300)
        assert each.keep_alives >= 2
    await reader.read(http, process.url)
    assert reader.text == expected(300)
