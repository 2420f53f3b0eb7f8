"""Late writers are fenced off, recovery by hand is safe at any time, blocked writers hold nobody else up."""

import asyncio
import random
import signal
import time
import uuid

import psycopg
import pytest

from tests.faults.cluster import Cluster
from tests.faults.people import Person, expected, prompt
from tests.faults.reader import Reader

pytestmark = pytest.mark.asyncio
STOPPED_SECONDS = 9  # lease 5, sweep 2, and something to spare


async def test_a_late_writer_is_fenced_off(pair: Cluster, person: Person) -> None:
    """A process sleeps beyond its lease, wakes up, and must not touch what another has ended."""
    stale, other = pair.processes
    readers = []
    for _ in range(5):
        content = prompt(f"stale-{uuid.uuid4().hex}", size=3000, chunk=10, delay=0.05)
        reader = await person.started(stale.url, await person.chat(), content)
        reader.strict = False
        readers.append(reader)
    mirrors = [Reader(person.token, reader.chat, reader.reply, strict=False) for reader in readers]
    reading = [asyncio.create_task(reader.read(person.http, stale.url)) for reader in readers]
    reading += [asyncio.create_task(reader.read(person.http, other.url)) for reader in mirrors]
    await asyncio.sleep(1.5)
    stale.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(STOPPED_SECONDS)
        ended = [(await person.messages(other.url, reader.chat))[-1] for reader in readers]
        assert {(row["state"], row["reason"]) for row in ended} == {("interrupted", "process_lost")}
        assert all(row["content"] for row in ended)
        for mirror, row in zip(mirrors, ended, strict=True):
            assert mirror.end is not None
            assert mirror.text == row["content"]
    finally:
        stale.signal(signal.SIGCONT)
    await asyncio.wait_for(asyncio.gather(*reading), 5)
    await asyncio.sleep(1)
    for reader, row in zip(readers, ended, strict=True):
        assert reader.end == row, "the stale process tells its readers what the row says"
        assert (await person.messages(stale.url, reader.chat))[-1] == row, "the stale process changed the reply"
        assert pair.sql("SELECT count(*) FROM chats_chunk WHERE message_id = ?", uuid.UUID(reader.reply)) == [(0,)]
    fresh = await person.started(stale.url, readers[0].chat, prompt("after", size=100, chunk=10))
    await fresh.read(person.http, other.url)
    assert fresh.text == expected(100)


async def test_recovery_by_hand_beside_everything(pair: Cluster, person: Person) -> None:
    """`recover_turns` ends nothing that runs, ends what is lost once, and does not mind company."""
    stop = asyncio.Event()
    ended: list[int] = []

    async def recover() -> None:
        while not stop.is_set():
            done = await asyncio.to_thread(pair.manage, "recover_turns")
            assert done.returncode == 0, done.stderr
            ended.append(int(done.stdout.split()[0]))

    async def reply(lost: bool) -> Reader:
        base = random.choice(person.bases)
        content = prompt(f"recover-{uuid.uuid4().hex}", size=600, chunk=10, delay=0.07)
        reader = await person.started(base, await person.chat(), content)
        reader.strict = not lost
        if lost:
            asyncio.get_running_loop().call_later(1, _expire, pair, reader.reply)
        await reader.read_on(person.http, person.bases)
        return reader

    recovering = [asyncio.create_task(recover()) for _ in range(2)]
    readers = await asyncio.gather(*(reply(lost=number < 4) for number in range(12)))
    stop.set()
    await asyncio.gather(*recovering)
    for number, reader in enumerate(readers):
        assert reader.end is not None
        stored = (await person.messages(person.bases[0], reader.chat))[-1]
        assert stored["content"] == reader.text
        wanted = ("interrupted", "process_lost") if number < 4 else ("complete", "stop")
        assert (stored["state"], stored["reason"]) == wanted
        assert number < 4 or reader.text == expected(600)
    print(f"{len(ended)} runs of recover_turns ended {sum(ended)} turns")


def _expire(cluster: Cluster, reply: str) -> None:
    """Take a turn away from its process, as if that had died."""
    sql = "UPDATE chats_turn SET epoch = 2, lease_until = now() - interval '1 second' WHERE reply_id = ?"
    cluster.sql(sql, uuid.UUID(reply))


async def test_blocked_writers_do_not_delay_the_flush(pair: Cluster, person: Person) -> None:
    """Prompts that wait for locked rows fill the writer threads; the replies of others are stored as ever."""
    base = person.bases[0]
    reader = await person.started(base, await person.chat(), prompt("free", size=800, chunk=10, delay=0.07))
    blocked = [await person.chat() for _ in range(12)]
    url = pair.database_url.replace("postgres://", "postgresql://", 1)
    with psycopg.connect(url) as outside:
        outside.execute("SELECT id FROM chats_chat WHERE id = ANY(%s) FOR UPDATE", [[uuid.UUID(c) for c in blocked]])
        waiting = [asyncio.create_task(person.begin(base, chat, "hello")) for chat in blocked]
        reading = asyncio.create_task(reader.read(person.http, base))
        behind = []
        for _ in range(16):
            await asyncio.sleep(0.25)
            behind.append(len(reader.text) - _stored(pair, reader))
        outside.rollback()
    await reading
    answers = await asyncio.gather(*waiting)
    gaps = [after[0] - before[0] for before, after in zip(reader.growth, reader.growth[1:], strict=False)]
    print(f"at most {max(behind)} characters unsaved, longest gap {max(gaps):.2f} s")
    assert reader.text == expected(800)
    assert max(gaps) < 1, "text was held back, since the flush had to wait"
    assert {answer.status for answer in answers} <= {202, 503}


def _stored(cluster: Cluster, reader: Reader) -> int:
    sql = "SELECT coalesce(max(at + char_length(text)), 0) FROM chats_chunk WHERE message_id = ?"
    return int(cluster.sql(sql, uuid.UUID(reader.reply))[0][0])


async def test_two_processes_need_shared_stores(pair: Cluster, tmp_path: pytest.TempPathFactory) -> None:
    started = time.monotonic()
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", "REDIS_URL": "", "WEB_CONCURRENCY": "2"}
    refused = await asyncio.to_thread(pair.manage, "serve", "--port", "0", **settings)
    assert refused.returncode != 0
    assert "parley.E001" in refused.stderr
    assert time.monotonic() - started < 30
    half = await asyncio.to_thread(pair.manage, "serve", "--port", "0", REDIS_URL="", WEB_CONCURRENCY="2")
    assert half.returncode != 0
    assert "REDIS_URL" in half.stderr
