"""Redis and PostgreSQL go away mid-stream and come back: slower, never wrong, and no restart."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp
import pytest
import pytest_asyncio

from tests.faults.cluster import Cluster
from tests.faults.people import Answer, Person, expected, prompt
from tests.faults.reader import GONE, Reader
from tests.faults.stores import REDIS, OwnPostgres, OwnRedis, PostgresDatabase

pytestmark = pytest.mark.asyncio
OUTAGE = 8  # longer than a lease


@pytest.fixture
def own_redis(services: None) -> Iterator[OwnRedis]:
    if OwnRedis.binary is None:
        pytest.skip("redis-server is not installed")
    with OwnRedis() as server:
        yield server


@pytest.fixture
def own_postgres(services: None) -> Iterator[OwnPostgres]:
    if reason := OwnPostgres.missing():
        pytest.skip(reason)
    with OwnPostgres() as server:
        yield server


@pytest_asyncio.fixture
async def on_own_postgres(
    own_postgres: OwnPostgres, cluster: Callable[..., Cluster], http: aiohttp.ClientSession
) -> AsyncIterator[tuple[Cluster, Person]]:
    with PostgresDatabase(own_postgres.url) as database:
        made = cluster(database.url, REDIS)
        made.start(2)
        yield made, await Person.register(http, [process.url for process in made.processes])
        for process in made.processes:
            process.kill()


async def test_redis_comes_and_goes(
    own_redis: OwnRedis, cluster: Callable[..., Cluster], database: PostgresDatabase, http: aiohttp.ClientSession
) -> None:
    made = cluster(database.url, own_redis.url, KEEPALIVE_SECONDS=1)
    here, there = (process.url for process in made.start(2))
    person = await Person.register(http, [here, there])
    readers, reading = [], []
    for _ in range(5):
        content = prompt(f"redis-{uuid.uuid4().hex}", size=1200, chunk=10, delay=0.06)
        reader = await person.started(here, await person.chat(), content)
        readers.append(reader)
        reading.append(asyncio.create_task(reader.read(http, there)))
    await asyncio.sleep(1.2)
    own_redis.stop()
    await asyncio.sleep(1.2)
    late = [Reader(person.token, reader.chat, reader.reply) for reader in readers]
    reading += [asyncio.create_task(reader.read(http, there)) for reader in late]
    await asyncio.sleep(1.2)
    own_redis.start()
    await asyncio.sleep(1.2)
    own_redis.flush_all()
    await asyncio.gather(*reading)
    for reader in (*readers, *late):
        assert reader.text == expected(1200)
        gaps = [after[0] - before[0] for before, after in zip(reader.growth, reader.growth[1:], strict=False)]
        assert max(gaps) < 4, "far slower than the database would have been"
    await _token_pace_is_back(person, here, there)


async def _token_pace_is_back(person: Person, here: str, there: str) -> None:
    """Over Redis each chunk is an event of its own; from the database it would be one for each quarter of a second."""
    script = {"size": 300, "chunk": 5, "delay": 0.05, "first_delay": 2.5}
    reader = await person.started(here, await person.chat(), prompt("pace", **script))
    await reader.read(person.http, there)
    assert reader.text == expected(300)
    assert len(reader.growth) > 40, "the reply did not come at the pace of its tokens"
    assert reader.keep_alives >= 2, "no keep-alive while the provider was silent"


async def test_postgresql_restarts_mid_stream(
    own_postgres: OwnPostgres, on_own_postgres: tuple[Cluster, Person]
) -> None:
    _, person = on_own_postgres
    here, there = person.bases
    readers = []
    for _ in range(5):
        content = prompt(f"pg-{uuid.uuid4().hex}", size=3000, chunk=10, delay=0.05)
        readers.append(await person.started(here, await person.chat(), content))
    idle = await person.chat()
    mirrors = [Reader(person.token, reader.chat, reader.reply) for reader in readers]
    reading = [asyncio.create_task(reader.read(person.http, here)) for reader in readers]
    reading += [asyncio.create_task(reader.read(person.http, there)) for reader in mirrors]
    await asyncio.sleep(2)
    await asyncio.to_thread(own_postgres.stop)
    stopped = time.monotonic()
    await _refused_in_time(person, idle)
    await asyncio.sleep(max(0, OUTAGE - (time.monotonic() - stopped)))
    await asyncio.to_thread(own_postgres.start)
    started = time.monotonic()
    await _works_again(person, idle, started)
    await asyncio.gather(*reading)
    for reader in (*readers, *mirrors):
        assert reader.text == expected(3000)
        assert reader.end is not None
        assert reader.end["state"] == "complete"
    for reader in readers:
        assert (await person.messages(there, reader.chat))[-1]["content"] == reader.text
    held = max(after[0] - before[0] for before, after in zip(readers[0].growth, readers[0].growth[1:], strict=False))
    print(f"shown text was held for {held:.1f} s")


async def _refused_in_time(person: Person, chat: str) -> None:
    """Ask for many things at once while the database is away: each is 503, none takes 10 s."""

    async def timed(call: asyncio.Future[Answer]) -> tuple[float, Answer]:
        started = time.monotonic()
        answer = await call
        return time.monotonic() - started, answer

    base = person.bases[0]
    calls = [person.begin(base, chat, "hello") for _ in range(30)]
    calls += [person.call("GET", base, f"/api/chats/{chat}/messages/") for _ in range(30)]
    calls += [person.call("GET", base, "/api/chats/") for _ in range(5)]
    calls += [person.call("GET", base, "/readyz"), person.stop(base, chat)]
    answers = await asyncio.gather(*(timed(asyncio.ensure_future(call)) for call in calls))
    slowest = max(took for took, _ in answers)
    print(f"refused in {slowest:.1f} s at most")
    assert {answer.status for _, answer in answers} == {503}
    assert slowest < 10
    assert (await person.call("GET", base, "/healthz")).status == 200


async def _works_again(person: Person, chat: str, started: float) -> None:
    for base in person.bases:
        while True:
            try:
                paths = ("/api/chats/", f"/api/chats/{chat}/messages/")
                answers = [await person.call("GET", base, path) for path in paths]
                if {answer.status for answer in answers} == {200}:
                    break
            except GONE:
                pass
            assert time.monotonic() - started < 15, "no recovery"
            await asyncio.sleep(0.1)
    print(f"works again {time.monotonic() - started:.1f} s after the start")
    reader = await person.started(person.bases[1], chat, prompt("again", size=100, chunk=10))
    await reader.read(person.http, person.bases[0])
    assert reader.text == expected(100)
