"""SIGTERM: no new work, a grace for what runs, ends for what is left, status 0."""

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Callable

import aiohttp
import pytest

from tests.faults.cluster import Cluster, Process
from tests.faults.people import Person, expected, prompt
from tests.faults.reader import Reader
from tests.faults.stores import REDIS, PostgresDatabase

pytestmark = pytest.mark.asyncio
GRACE = 3
SHORT, LONG = {"size": 200, "chunk": 10, "delay": 0.08}, {"size": 5000, "chunk": 10, "delay": 0.1}


async def _exit_status(process: Process, within: float) -> int:
    return await asyncio.to_thread(process.popen.wait, within)


async def test_one_process(
    cluster: Callable[..., Cluster], database: PostgresDatabase, http: aiohttp.ClientSession
) -> None:
    made = cluster(database.url, REDIS, SHUTDOWN_GRACE_SECONDS=GRACE)
    leaving, staying = made.start(2)
    person = await Person.register(http, [leaving.url, staying.url])
    short = await person.started(leaving.url, await person.chat(), prompt("term-short", **SHORT))
    long = await person.started(leaving.url, await person.chat(), prompt("term-long", **LONG))
    remote = Reader(person.token, long.chat, long.reply)
    reading = [
        asyncio.create_task(short.read(http, leaving.url)),
        asyncio.create_task(long.read(http, leaving.url)),
        asyncio.create_task(remote.read(http, staying.url)),
    ]
    idle = await person.chat()
    await asyncio.sleep(0.5)
    leaving.signal(signal.SIGTERM)
    at = time.monotonic()
    await asyncio.sleep(0.3)
    refused = await person.begin(leaving.url, idle, "too late")
    assert (refused.status, refused.body["code"]) == (503, "draining")
    assert "Retry-After" in refused.headers
    assert (await person.call("GET", leaving.url, "/readyz")).status == 503
    assert (await person.begin(staying.url, idle, "in time")).status == 202
    await asyncio.gather(*reading)
    assert short.end is not None
    assert (short.end["state"], short.text) == ("complete", expected(200))
    for reader in (long, remote):
        assert reader.end is not None
        assert (reader.end["state"], reader.end["reason"]) == ("interrupted", "shutdown")
        assert len(reader.text) > 300
    assert await _exit_status(leaving, GRACE + 5) == 0
    print(f"exit after {time.monotonic() - at:.1f} s")
    assert time.monotonic() - at < GRACE + 5
    assert (await person.messages(staying.url, long.chat))[-1]["content"] == long.text


async def test_idle_process_ends_at_once(cluster: Callable[..., Cluster], database: PostgresDatabase) -> None:
    (process,) = cluster(database.url, REDIS).start()
    process.signal(signal.SIGTERM)
    assert await _exit_status(process, 5) == 0


async def test_followers_of_a_reply_elsewhere_do_not_hold_the_exit(
    cluster: Callable[..., Cluster], database: PostgresDatabase, http: aiohttp.ClientSession
) -> None:
    leaving, staying = cluster(database.url, REDIS, SHUTDOWN_GRACE_SECONDS=GRACE).start(2)
    person = await Person.register(http, [staying.url])
    reader = await person.started(
        staying.url, await person.chat(), prompt("term-remote", size=600, chunk=10, delay=0.1)
    )
    reading = asyncio.create_task(reader.read_on(http, [leaving.url]))
    await asyncio.sleep(0.5)
    leaving.signal(signal.SIGTERM)
    assert await _exit_status(leaving, GRACE + 5) == 0
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await reader.read(http, staying.url)
    assert reader.text == expected(600)


@pytest.mark.parametrize("whole_group", [False, True], ids=["parent", "group"])
async def test_two_workers(
    cluster: Callable[..., Cluster], database: PostgresDatabase, http: aiohttp.ClientSession, whole_group: bool
) -> None:
    made = cluster(database.url, REDIS, SHUTDOWN_GRACE_SECONDS=GRACE, WEB_CONCURRENCY=2)
    (parent,) = made.start()
    person = await Person.register(http, [parent.url])
    readers = []
    for number in range(8):
        script = SHORT if number % 2 else LONG
        content = prompt(f"workers-{uuid.uuid4().hex}", **script)
        readers.append(await person.started(parent.url, await person.chat(), content))
    reading = [asyncio.create_task(reader.read_on(http, [parent.url])) for reader in readers]
    await asyncio.sleep(0.5)
    owners = made.sql("SELECT DISTINCT lease_owner FROM chats_turn WHERE state = 'streaming'")
    (parent.signal_group if whole_group else parent.signal)(signal.SIGTERM)
    at = time.monotonic()
    assert await _exit_status(parent, GRACE + 5) == 0
    print(f"{len(owners)} workers had replies; exit after {time.monotonic() - at:.1f} s")
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    states = made.sql(
        "SELECT reason, state, count(*) FROM chats_turn WHERE reply_id = ANY(?) GROUP BY 1, 2 ORDER BY 1",
        [uuid.UUID(reader.reply) for reader in readers],
    )
    assert [(row[1], row[2]) for row in states] == [("interrupted", 4), ("complete", 4)], states
    assert states[0][0] == "shutdown"
    for (owner,) in owners:
        assert not _exists(int(owner.split(":")[1])), "a worker outlived its parent"
    # Readers had their ends from the process itself, but those whose follower sat in the other worker.
    ended = [reader for reader in readers if reader.end]
    print(f"{len(ended)} of 8 readers saw the end")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
