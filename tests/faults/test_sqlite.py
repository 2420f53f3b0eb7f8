"""One process on SQLite: the same promises, without Redis and without company."""

import asyncio
import sqlite3
import time
import uuid
from collections.abc import Callable

import aiohttp
import pytest
import pytest_asyncio

from tests.faults.cluster import Cluster
from tests.faults.people import Person, expected, prompt
from tests.faults.reader import Reader

pytestmark = pytest.mark.asyncio
UNSAVED_SECONDS, LATE = 1.0, 0.7


@pytest.fixture
def single(cluster: Callable[..., Cluster], sqlite_url: str) -> Cluster:
    made = cluster(sqlite_url)
    made.start()
    return made


@pytest_asyncio.fixture
async def alice(single: Cluster, http: aiohttp.ClientSession) -> Person:
    return await Person.register(http, [single.processes[0].url])


async def _reading(alice: Person, size: int, count: int) -> tuple[list[Reader], list["asyncio.Task[None]"]]:
    base = alice.bases[0]
    readers = []
    for _ in range(count):
        content = prompt(f"lite-{uuid.uuid4().hex}", size=size, chunk=10, delay=0.05)
        readers.append(await alice.started(base, await alice.chat(), content))
    return readers, [asyncio.create_task(reader.read(alice.http, base)) for reader in readers]


def _stored(cluster: Cluster, reader: Reader) -> int:
    sql = "SELECT at, text FROM chats_chunk WHERE message_id = ?"
    return max((at + len(text) for at, text in cluster.sql(sql, uuid.UUID(reader.reply).hex)), default=0)


async def _lock(cluster: Cluster, seconds: float) -> None:
    """Hold the file's write lock from outside."""
    outside = sqlite3.connect(cluster.sqlite_path, timeout=10, isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    await asyncio.sleep(seconds)
    outside.execute("ROLLBACK")
    outside.close()


async def test_write_lock_held_three_seconds(single: Cluster, alice: Person) -> None:
    readers, reading = await _reading(alice, 1200, 5)
    await asyncio.sleep(1)
    locking = asyncio.create_task(_lock(single, 3))
    await asyncio.sleep(2.5)  # long after the second is over, while the lock still holds
    stored = [_stored(single, reader) for reader in readers]
    shown = [len(reader.text) for reader in readers]
    await locking
    for reader, saved, known in zip(readers, stored, shown, strict=True):
        assert 0 < saved < known
        oldest = reader.known_for(saved)
        newest = reader.known_for(known - 1)
        assert newest - oldest < UNSAVED_SECONDS + LATE, "text was shown although older text was unsaved for a second"
    await asyncio.gather(*reading)
    for reader in readers:
        assert reader.text == expected(1200)
        assert (await alice.messages(alice.bases[0], reader.chat))[-1]["content"] == reader.text
    assert single.sql("SELECT count(*) FROM chats_chunk") == [(0,)]


async def test_write_lock_held_longer_than_a_lease(single: Cluster, alice: Person) -> None:
    """Nobody else is there to take the turns over; the process must not take them from itself."""
    readers, reading = await _reading(alice, 2000, 3)
    await asyncio.sleep(1)
    await _lock(single, 8)
    await asyncio.gather(*reading)
    for reader in readers:
        assert reader.end is not None
        assert (reader.end["state"], reader.text) == ("complete", expected(2000))


async def test_kill_and_restart(single: Cluster, alice: Person) -> None:
    (process,) = single.processes
    readers, reading = await _reading(alice, 3000, 5)
    await asyncio.sleep(1.5)
    killed = time.monotonic()
    process.kill()
    await asyncio.gather(*reading, return_exceptions=True)
    process.start()
    process.wait_ready()
    for reader in readers:
        reader.strict = False
        await reader.read_on(alice.http, alice.bases, seconds=10 - (time.monotonic() - killed))
        assert reader.end is not None
        assert (reader.end["state"], reader.end["reason"]) == ("interrupted", "process_lost")
        assert reader.text
        assert expected(3000).startswith(reader.text)
        if reader.withdrawn_after is not None:
            assert killed - reader.known_for(len(reader.text)) < UNSAVED_SECONDS + LATE
    assert time.monotonic() - killed < 10
    path = f"/api/chats/{readers[0].chat}/messages/{readers[0].reply}/regenerate/?wait=false"
    assert (await alice.call("POST", process.url, path, {})).status == 202


async def test_stop_and_delete(single: Cluster, alice: Person) -> None:
    base = alice.bases[0]
    readers, reading = await _reading(alice, 3000, 2)
    await asyncio.sleep(0.5)
    stopped = await alice.stop(base, readers[0].chat)
    assert stopped.body["state"] == "stopped"
    assert (await alice.call("DELETE", base, f"/api/chats/{readers[1].chat}/")).status == 204
    await asyncio.wait_for(asyncio.gather(*reading), 5)
    assert readers[0].text == stopped.body["content"]
    assert readers[1].end is None
    await asyncio.sleep(1)
    assert single.fake.open == 0
