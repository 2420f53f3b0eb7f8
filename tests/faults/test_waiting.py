"""Replies that call tools and wait for a word, in processes that are killed, drained and started again."""

import asyncio
import itertools
import random
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from llm.testing import FakeProvider
from tests.faults.cluster import Cluster, Process
from tests.faults.parts_reader import PartsReader
from tests.faults.people import Answer, Person, prompt
from tests.faults.reader import GONE
from tests.faults.stores import REDIS, PostgresDatabase

pytestmark = pytest.mark.asyncio
GRACE = 3
RUNS = ("streaming", "waiting")


class ToolCluster(Cluster):
    """Processes with the tools of `serve_with_tools`."""

    program = ("-m", "tests.faults.serve_with_tools")

    def __init__(self, folder: Path, *given: Any, **settings: Any) -> None:
        self.tool_log = folder / "tools"
        self.tool_log.mkdir(parents=True)
        super().__init__(
            folder, *given, DEFAULT_TOOLS="all", TOOL_LOG=self.tool_log, SHUTDOWN_GRACE_SECONDS=GRACE, **settings
        )

    def times(self, name: str, what: str = "begun") -> int:
        """Return how often a tool was called with this name."""
        return len(list(self.tool_log.glob(f"{name}.{what}.*")))

    async def until_called(self, name: str) -> None:
        async with asyncio.timeout(20):
            while not self.times(name):  # noqa: ASYNC110 (another process makes it)
                await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def two(
    database: PostgresDatabase, provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ToolCluster]:
    with ToolCluster(tmp_path_factory.mktemp("waiting"), provider, database.url, REDIS) as made:
        made.start(2)
        yield made


@pytest.fixture
def single(provider: FakeProvider, sqlite_url: str, tmp_path: Path) -> Iterator[ToolCluster]:
    with ToolCluster(tmp_path / "single", provider, sqlite_url) as made:
        made.start()
        yield made


@pytest_asyncio.fixture
async def alice(two: ToolCluster, http: aiohttp.ClientSession) -> Person:
    for process in two.processes:
        if not process.running:
            process.start()
            await asyncio.to_thread(process.wait_ready)
    return await Person.register(http, [process.url for process in two.processes])


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": {"name": f"{name}-{uuid.uuid4().hex[:8]}", **arguments}}


def names(*calls: dict[str, Any]) -> list[str]:
    return [each["arguments"]["name"] for each in calls]


async def asked(person: Person, base: str, *steps: dict[str, Any]) -> PartsReader:
    """Start a turn of these steps; return a reader of its reply."""
    chat = await person.chat(base)
    answer = await person.begin(base, chat, prompt(uuid.uuid4().hex, steps=list(steps), delay=0.02, chunk=4))
    assert answer.status == 202, answer
    return PartsReader(person.token, chat, answer.body["reply"]["id"])


async def decide(person: Person, base: str, reader: PartsReader, approved: bool = True) -> Answer:
    assert reader.waiting is not None
    verdicts = [{"call": each["id"], "approved": approved} for each in reader.waiting["calls"]]
    path = f"/api/chats/{reader.chat}/messages/{reader.reply}/approvals/?wait=false"
    return await person.call("POST", base, path, {"approvals": verdicts})


async def waiting(person: Person, base: str, *steps: dict[str, Any]) -> PartsReader:
    """Start a turn that comes to wait; return a reader that has been told and has left."""
    reader = await asked(person, base, *steps)
    reading = asyncio.create_task(reader.read(person.http, base))
    await reader.until_waiting()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return reader


async def stored(person: Person, base: str, reader: PartsReader) -> dict[str, Any]:
    return (await person.messages(base, reader.chat))[-1]


async def ended(person: Person, base: str, reader: PartsReader, within: float) -> dict[str, Any]:
    async with asyncio.timeout(within):
        while (row := await stored(person, base, reader))["state"] in RUNS:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return row


def call_states(row: dict[str, Any]) -> list[str]:
    return [part["state"] for part in row["parts"] if part["type"] == "tool_call"]


async def test_a_reply_that_waits_outlives_its_process(two: ToolCluster, alice: Person) -> None:
    dying, other = two.processes
    first, second, third, last = call("look", seconds=0.3), call("block", seconds=0.5), call("act"), call("look")
    looks = {"text": "I look, twice. ", "calls": [first, second]}
    acts, looks_again = {"text": "Now I act. ", "calls": [third]}, {"text": "And look again. ", "calls": [last]}
    reader = await asked(alice, dying.url, looks, acts, looks_again, {"text": "It is done. " * 20})
    socket, remote = (PartsReader(alice.token, reader.chat, reader.reply) for _ in range(2))
    reading = asyncio.create_task(reader.read(alice.http, dying.url))
    on_socket = asyncio.create_task(socket.read_socket(alice.http, dying.url))
    elsewhere = asyncio.create_task(remote.read(alice.http, other.url))
    await asyncio.sleep(0.3)
    reading.cancel()  # cut while the first tools run
    await asyncio.gather(reading, return_exceptions=True)
    reading = asyncio.create_task(reader.read(alice.http, dying.url))
    for each in (reader, socket, remote):
        assert [asked["state"] for asked in (await each.until_waiting())["calls"]] == ["waiting"]

    dying.kill()
    await asyncio.gather(reading, on_socket, return_exceptions=True)
    on_socket = asyncio.create_task(socket.read_socket(alice.http, other.url))
    assert (await decide(alice, other.url, reader)).status == 202
    decided = time.monotonic()
    await reader.read(alice.http, other.url)
    await asyncio.gather(on_socket, elsewhere)

    assert time.monotonic() - decided < 10
    row = await stored(alice, other.url, reader)
    assert row["state"] == "complete"
    assert reader.end == socket.end == remote.end == row
    assert reader.parts == socket.parts == remote.parts == row["parts"]
    assert call_states(row) == ["complete"] * 4
    assert [two.times(name) for name in names(first, second, third, last)] == [1] * 4
    assert remote.connections == 1, "who followed it elsewhere was never cut"


async def test_a_follower_elsewhere_has_the_text_as_it_comes(two: ToolCluster, alice: Person) -> None:
    """Whoever went on with the reply is asked at once to publish."""
    here, there = two.processes
    reader = await waiting(
        alice, here.url, {"calls": [call("act")]}, {"text": "word " * 100, "delay": 0.05, "chunk": 5}
    )
    remote = PartsReader(alice.token, reader.chat, reader.reply)
    reading = asyncio.create_task(remote.read(alice.http, here.url))
    await remote.until_waiting()
    assert (await decide(alice, there.url, reader)).status == 202
    came: list[float] = []
    known = remote.length
    while not reading.done():
        if remote.length > known:
            known = remote.length
            came.append(time.monotonic())
        await asyncio.sleep(0.005)
    await reading
    gaps = [after - before for before, after in itertools.pairwise(came)]
    print(f"{len(came)} times something came, longest gap {max(gaps):.2f} s")
    assert max(gaps[len(gaps) // 2 :]) < 0.8, "text came a second at a time"


async def test_kill_while_a_tool_runs(two: ToolCluster, alice: Person) -> None:
    dying, other = two.processes
    slow = [call("look", seconds=60), call("block", seconds=60)]
    reader = await asked(alice, dying.url, {"text": "Wait. ", "calls": slow}, {"text": "Never"})
    remote = PartsReader(alice.token, reader.chat, reader.reply)
    reading = asyncio.create_task(remote.read(alice.http, other.url))
    for name in names(*slow):
        await two.until_called(name)
    await asyncio.sleep(0.6)  # until the calls are stored
    dying.kill()
    killed = time.monotonic()

    await asyncio.wait_for(reading, 10)

    row = await stored(alice, other.url, reader)
    print(f"ended {time.monotonic() - killed:.1f} s after the kill")
    assert (row["state"], row["reason"], call_states(row)) == ("interrupted", "process_lost", ["unknown"] * 2)
    assert remote.end == row
    dying.start()
    await asyncio.to_thread(dying.wait_ready)
    await asyncio.sleep(1)
    assert [two.times(name) for name in names(*slow)] == [1, 1]


async def _until_next_epoch(cluster: Cluster, reader: PartsReader) -> None:
    sql = "SELECT epoch FROM chats_turn WHERE reply_id = ?"
    while cluster.sql(sql, uuid.UUID(reader.reply)) == [(1,)]:  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def test_kill_around_a_decision(two: ToolCluster, alice: Person, long: bool) -> None:
    """The approved call is made once or not at all, and what is not known is said to be unknown."""
    dying, other = two.processes
    seen: list[tuple[str, str, int]] = []
    for number in range(20 if long else 4):
        wanted = call("act", seconds=random.choice([0.1, 5]))
        reader = await waiting(alice, dying.url, {"text": "May I? ", "calls": [wanted]}, {"text": "Done."})
        deciding = asyncio.create_task(decide(alice, dying.url, reader))
        if number % 2:  # behind the commit: its run has begun, or has not
            await _until_next_epoch(two, reader)
        await asyncio.sleep(random.random() * 0.05)
        dying.kill()
        [answer] = await asyncio.gather(deciding, return_exceptions=True)
        assert isinstance(answer, (Answer, *GONE)), answer
        if (await stored(alice, other.url, reader))["state"] == "waiting":
            assert (await decide(alice, other.url, reader)).status == 202
        row = await ended(alice, other.url, reader, within=15)
        [state], times = call_states(row), two.times(names(wanted)[0])
        seen.append((row["state"], state, times))
        assert times <= 1
        assert row["state"] == "complete" or (row["state"], row["reason"]) == ("interrupted", "process_lost")
        assert state == ("complete" if row["state"] == "complete" else state)
        assert state in ("complete", "unknown")
        assert times == 1 or state == "unknown"
        await reader.read(alice.http, other.url)
        assert reader.end == row
        dying.start()
        await asyncio.to_thread(dying.wait_ready)
    print(seen)


@pytest.mark.parametrize("tool", ["look", "block"])
async def test_stop_reaches_tools_from_the_other_process(two: ToolCluster, alice: Person, tool: str) -> None:
    here, there = two.processes
    slow = call(tool, seconds=20)
    reader = await asked(alice, here.url, {"text": "Wait. ", "calls": [slow]}, {"text": "Never"})
    reading = asyncio.create_task(reader.read(alice.http, there.url))
    await two.until_called(names(slow)[0])
    begun = time.monotonic()
    answer = await alice.stop(there.url, reader.chat)
    took = time.monotonic() - begun
    await asyncio.wait_for(reading, 5)
    print(f"stopped in {took:.2f} s")
    assert (answer.status, answer.body["state"], call_states(answer.body)) == (200, "stopped", ["unknown"])
    assert reader.end == answer.body
    assert took < 2


async def test_drain_while_one_waits(two: ToolCluster, alice: Person) -> None:
    leaving, staying = two.processes
    first = await waiting(alice, leaving.url, {"text": "May I? ", "calls": [call("act")]}, {"text": "Done."})
    second = await waiting(alice, leaving.url, {"text": "May I? ", "calls": [call("act")]}, {"text": "Done."})
    follower = PartsReader(alice.token, second.chat, second.reply)
    reading = asyncio.create_task(follower.read(alice.http, leaving.url))
    long = await asked(alice, leaving.url, {"text": "x" * 2000, "delay": 0.05})  # what the drain waits for
    await follower.until_waiting()
    leaving.signal(signal.SIGTERM)
    begun = time.monotonic()
    await asyncio.sleep(0.5)

    refused = await decide(alice, leaving.url, first)
    assert (refused.status, refused.body["code"]) == (503, "draining")
    assert (await decide(alice, staying.url, first)).status == 202

    assert await asyncio.to_thread(leaving.popen.wait, GRACE + 5) == 0
    print(f"exit after {time.monotonic() - begun:.1f} s")
    await asyncio.gather(reading, return_exceptions=True)
    await first.read(alice.http, staying.url)
    assert first.end is not None
    assert (first.end["state"], call_states(first.end)) == ("complete", ["complete"])
    assert (await stored(alice, staying.url, long))["reason"] == "shutdown"
    assert (await stored(alice, staying.url, second))["state"] == "waiting"
    leaving.start()
    await asyncio.to_thread(leaving.wait_ready)
    assert (await decide(alice, leaving.url, second)).status == 202
    await asyncio.gather(second.read(alice.http, leaving.url), follower.read(alice.http, staying.url))
    assert second.end is not None
    assert second.end == follower.end
    assert second.end["state"] == "complete"


async def _restarted(process: Process) -> None:
    process.kill()
    process.start()
    await asyncio.to_thread(process.wait_ready)


async def test_one_process_on_sqlite_is_killed_and_started_again(
    single: ToolCluster, http: aiohttp.ClientSession
) -> None:
    [process] = single.processes
    alice = await Person.register(http, [process.url])
    wanted, slow = call("act"), call("look", seconds=60)
    reader = await waiting(
        alice, process.url, {"text": "May I? ", "calls": [wanted]}, {"calls": [slow]}, {"text": "No"}
    )
    await _restarted(process)
    await asyncio.sleep(3)  # it sweeps, and leaves what waits alone
    assert (await stored(alice, process.url, reader))["state"] == "waiting"
    assert (await decide(alice, process.url, reader)).status == 202
    await single.until_called(names(slow)[0])
    await asyncio.sleep(0.6)
    await _restarted(process)

    row = await ended(alice, process.url, reader, within=10)

    assert (row["state"], row["reason"], call_states(row)) == ("interrupted", "process_lost", ["complete", "unknown"])
    await reader.read(http, process.url)
    assert reader.end == row
    assert [single.times(name) for name in names(wanted, slow)] == [1, 1]
