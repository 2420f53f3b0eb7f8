"""`kill -9` at random moments, with clients that try again: nothing acknowledged is lost, nothing is doubled."""

import asyncio
import random
import time
import uuid
from typing import Any

import pytest

from tests.faults.cluster import Cluster
from tests.faults.people import Person, expected, prompt
from tests.faults.reader import Reader

pytestmark = pytest.mark.asyncio
CLIENTS = 12
# What was shown may be withdrawn while it is younger than this; beside the promised second, what the test is late.
WITHDRAWN_AFTER = 1.0
LATE = 0.5


class Accepted:
    """A turn that a client was told about."""

    def __init__(self, tag: str, size: int, question: str, reader: Reader) -> None:
        self.tag, self.size, self.question, self.reader = tag, size, question, reader


async def _client(person: Person, chat: str) -> Accepted:
    """Send one message until it is accepted, read its reply to the end, wherever that takes."""
    await asyncio.sleep(random.random() * 1.5)
    tag, size = f"kill-{uuid.uuid4().hex}", random.randrange(300, 900)
    body = {"content": prompt(tag, size=size, chunk=10, delay=round(25 / size, 4))}
    answer = await person.insist(f"/api/chats/{chat}/messages/?wait=false", body, key=tag)
    assert answer.status == 202, answer
    reader = Reader(person.token, chat, answer.body["reply"]["id"], strict=False)
    await reader.read_on(person.http, person.bases)
    return Accepted(tag, size, answer.body["question"]["id"], reader)


async def _kill_soon(cluster: Cluster) -> tuple[float, list[int]]:
    """Kill one process at a random moment, start it again; return when, and the turns that ran in it."""
    await asyncio.sleep(0.3 + random.random() * 2.5)
    victim = random.choice(cluster.processes)
    pid = victim.popen.pid
    victim.kill()
    killed = time.monotonic()
    sql = "SELECT id FROM chats_turn WHERE state = 'streaming' AND lease_owner LIKE ?"
    orphans = [id_ for (id_,) in cluster.sql(sql, f"%:{pid}:%")]
    victim.start()
    return killed, orphans


async def _ended_in_time(cluster: Cluster, killed: float, orphans: list[int]) -> None:
    while orphans:
        running = cluster.sql("SELECT id FROM chats_turn WHERE state = 'streaming' AND id = ANY(?)", orphans)
        if not running:
            return
        assert time.monotonic() - killed < 10, f"turns {running} still run 10 s after the kill of their process"
        await asyncio.sleep(0.1)


async def _check(cluster: Cluster, person: Person, accepted: Accepted, killed: float) -> bool:
    """Compare what was shown, what is stored and what was said; return whether the reply was interrupted."""
    reader = accepted.reader
    messages = await person.messages(random.choice(person.bases), reader.chat)
    assert [each["id"] for each in messages].count(accepted.question) == 1
    assert [each["content"] for each in messages if accepted.tag in each["content"]] == [messages[-2]["content"]]
    reply = messages[-1]
    assert reader.end is not None
    assert reply["id"] == reader.reply
    assert reply["content"] == reader.text
    assert expected(accepted.size).startswith(reply["content"])
    assert reply["state"] in ("complete", "interrupted")
    interrupted = reply["state"] == "interrupted"
    assert interrupted or reply["content"] == expected(accepted.size)
    assert len(cluster.calls(accepted.tag)) <= 1
    assert len(cluster.calls(accepted.tag)) == 1 or not reply["content"]
    return interrupted


def _check_withdrawn(accepted: list[Accepted], killed: float) -> float:
    """Text may be withdrawn that was younger than a second when its process died; return the oldest."""
    oldest = 0.0
    for reader in (each.reader for each in accepted):
        if reader.withdrawn_after is not None:
            oldest = max(oldest, killed - reader.known_for(len(reader.text)))
    assert oldest <= WITHDRAWN_AFTER + LATE, f"text shown {oldest:.2f} s before the kill was withdrawn"
    return oldest


async def _go_on(cluster: Cluster, person: Person, accepted: Accepted) -> None:
    """Regenerate an interrupted reply, then continue it; both are siblings of it, in full."""
    chat, reply, kept = accepted.reader.chat, accepted.reader.reply, accepted.reader.text
    again = await _sibling(person, chat, reply, "regenerate")
    assert again["content"] == expected(accepted.size)
    if kept:
        longer = await _sibling(person, chat, reply, "continue")
        assert longer["content"].startswith(kept)
        assert len(longer["content"]) > len(kept)
        assert longer["siblings"]["count"] == 3
    stored = await person.call("GET", person.bases[0], f"/api/chats/{chat}/messages/?branch={reply}")
    assert stored.body["results"][-1]["content"] == kept, "the interrupted reply itself stays as it was"


async def _sibling(person: Person, chat: str, reply: str, kind: str) -> dict[str, Any]:
    path = f"/api/chats/{chat}/messages/{reply}/{kind}/?wait=false"
    answer = await person.insist(path, {}, key=uuid.uuid4().hex)
    assert answer.status == 202, answer
    reader = Reader(person.token, chat, answer.body["reply"]["id"])
    await reader.read_on(person.http, person.bases)
    assert reader.end is not None
    assert reader.end["state"] == "complete"
    return reader.end


async def _round(cluster: Cluster, person: Person) -> tuple[list[Accepted], float]:
    chats = [await person.chat() for _ in range(CLIENTS)]
    kill = asyncio.create_task(_kill_soon(cluster))
    clients = [asyncio.create_task(_client(person, chat)) for chat in chats]
    killed, orphans = await kill
    await _ended_in_time(cluster, killed, orphans)
    accepted = list(await asyncio.gather(*clients))
    for process in cluster.processes:
        await asyncio.to_thread(process.wait_ready)
    cut = [each for each in accepted if await _check(cluster, person, each, killed)]
    return cut, _check_withdrawn(accepted, killed)


async def test_kill_at_random_moments(pair: Cluster, person: Person, long: bool) -> None:
    cut: list[Accepted] = []
    oldest = 0.0
    for _ in range(30 if long else 5):
        found, age = await _round(pair, person)
        cut, oldest = cut + found, max(oldest, age)
    print(f"{len(cut)} replies interrupted; the oldest text withdrawn was {oldest:.2f} s old")
    assert cut, "no kill hit a reply"
    await asyncio.gather(*(_go_on(pair, person, each) for each in cut[:20]))
    assert pair.sql("SELECT count(*) FROM chats_chunk") == [(0,)]
