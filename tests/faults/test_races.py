"""Who comes first: stops against last chunks, prompts against prompts, deletions against running replies."""

import asyncio
import random
import time
import uuid
from collections.abc import Callable

import aiohttp
import pytest

from tests.faults.cluster import Cluster
from tests.faults.people import PASSWORD, Person, expected, prompt
from tests.faults.reader import Reader
from tests.faults.stores import REDIS, PostgresDatabase

pytestmark = pytest.mark.asyncio


async def _closed_within(cluster: Cluster, tag: str, seconds: float) -> None:
    """Wait until the provider has noticed that the caller left."""
    deadline = time.monotonic() + seconds
    while not all(call["aborted"] for call in cluster.calls(tag)):
        assert time.monotonic() < deadline, f"the provider's connection is still open after {seconds} s"
        await asyncio.sleep(0.05)
    assert len(cluster.calls(tag)) == 1


async def _stop_near_the_end(cluster: Cluster, person: Person) -> str:
    here, there = person.bases if random.random() < 0.5 else person.bases[::-1]
    tag, size = f"stop-{uuid.uuid4().hex}", 300
    reader = await person.started(here, await person.chat(), prompt(tag, size=size, chunk=10, delay=0.02))
    other = Reader(person.token, reader.chat, reader.reply)
    reading = [asyncio.create_task(reader.read(person.http, here)), asyncio.create_task(other.read(person.http, there))]
    near = size - random.choice((0, 0, 10, 20))
    while len(reader.text) < near and reader.end is None:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    stopped = await person.stop(there, reader.chat)
    assert stopped.status == 200, stopped
    await asyncio.gather(*reading)
    stored = (await person.messages(here, reader.chat))[-1]
    assert stopped.body == stored
    assert stored["state"] in ("complete", "stopped")
    assert stored["content"] == reader.text == other.text
    assert expected(size).startswith(stored["content"])
    assert stored["state"] == "stopped" or stored["content"] == expected(size)
    again = await person.stop(here, reader.chat)
    assert again.body == stored, "stopping too late changes nothing"
    return str(stored["state"])


async def test_stop_races_the_last_chunk(pair: Cluster, person: Person, long: bool) -> None:
    rounds = [_stop_near_the_end(pair, person) for _ in range(50 if long else 20)]
    states = [state for each in range(0, len(rounds), 5) for state in await asyncio.gather(*rounds[each : each + 5])]
    print({state: states.count(state) for state in set(states)})
    assert pair.sql("SELECT count(*) FROM chats_turn WHERE state = 'streaming'") == [(0,)]


async def test_stop_at_once(pair: Cluster, person: Person) -> None:
    """A stop that comes before the runner's first step ends the turn as well."""

    async def one() -> None:
        base, chat = random.choice(person.bases), await person.chat()
        starting = asyncio.create_task(
            person.begin(base, chat, prompt(uuid.uuid4().hex, size=3000, chunk=5, delay=0.05))
        )
        while not starting.done():
            answer = await person.stop(base, chat)
            assert answer.status in (200, 404), answer
        await person.stop(base, chat)
        assert (await person.messages(base, chat))[-1]["state"] == "stopped"

    await asyncio.gather(*(one() for _ in range(20)))


async def test_stop_from_the_other_process(pair: Cluster, person: Person) -> None:
    here, there = person.bases
    tag = f"stop-{uuid.uuid4().hex}"
    reader = await person.started(here, await person.chat(), prompt(tag, size=5000, chunk=10, delay=0.05))
    reading = asyncio.create_task(reader.read(person.http, here))
    await asyncio.sleep(1)
    answer = await person.stop(there, reader.chat)
    assert (answer.status, answer.body["state"]) == (200, "stopped")
    await _closed_within(pair, tag, 2)
    await reading
    assert reader.text == answer.body["content"] != ""


async def test_chat_is_deleted_mid_reply(pair: Cluster, person: Person) -> None:
    here, there = person.bases
    tag = f"delete-{uuid.uuid4().hex}"
    reader = await person.started(here, await person.chat(), prompt(tag, size=5000, chunk=10, delay=0.05))
    other = Reader(person.token, reader.chat, reader.reply)
    reading = asyncio.gather(reader.read(person.http, here), other.read(person.http, there))
    await asyncio.sleep(1)
    assert (await person.call("DELETE", there, f"/api/chats/{reader.chat}/")).status == 204
    await asyncio.wait_for(reading, 5)
    assert reader.end is None
    assert other.end is None
    await _closed_within(pair, tag, 2)
    await _nothing_comes_back(pair, reader)
    assert (await person.call("GET", here, f"/api/chats/{reader.chat}/messages/")).status == 404


async def test_account_is_deleted_mid_reply(pair: Cluster, person: Person) -> None:
    here, there = person.bases
    tag = f"account-{uuid.uuid4().hex}"
    reader = await person.started(here, await person.chat(), prompt(tag, size=5000, chunk=10, delay=0.05))
    other = Reader(person.token, reader.chat, reader.reply)
    reading = asyncio.gather(reader.read(person.http, here), other.read(person.http, there))
    await asyncio.sleep(1)
    assert (await person.call("DELETE", there, "/api/users/self/", {"password": PASSWORD})).status == 204
    await asyncio.wait_for(reading, 5)
    await _closed_within(pair, tag, 2)
    await _nothing_comes_back(pair, reader)
    assert (await person.call("GET", here, "/api/users/self/")).status == 401
    assert pair.sql("SELECT count(*) FROM accounts_user WHERE email = ?", person.email) == [(0,)]


async def _nothing_comes_back(cluster: Cluster, reader: Reader) -> None:
    await asyncio.sleep(1)
    chat = uuid.UUID(reader.chat)
    for table, column in (("chats_chat", "id"), ("chats_message", "chat_id"), ("chats_turn", "chat_id")):
        assert cluster.sql(f"SELECT count(*) FROM {table} WHERE {column} = ?", chat) == [(0,)]
    assert cluster.sql("SELECT count(*) FROM chats_chunk") == [(0,)]


async def test_a_second_prompt_is_refused_in_any_process(pair: Cluster, person: Person) -> None:
    here, there = person.bases
    reader = await person.started(here, await person.chat(), prompt("first", size=300, chunk=10, delay=0.05))
    for base in (here, there):
        refused = await person.begin(base, reader.chat, "second")
        assert (refused.status, refused.body["code"]) == (409, "turn_running")
    await reader.read(person.http, there)
    assert len(await person.messages(here, reader.chat)) == 2


async def test_16_prompts_at_once_start_one_turn(pair: Cluster, person: Person) -> None:
    chat, tag = await person.chat(), f"many-{uuid.uuid4().hex}"
    content = prompt(tag, size=300, chunk=10, delay=0.1)
    answers = await asyncio.gather(*(person.begin(person.bases[n % 2], chat, content) for n in range(16)))
    assert sorted(answer.status for answer in answers) == [202] + [409] * 15
    accepted = next(answer for answer in answers if answer.status == 202)
    reader = Reader(person.token, chat, accepted.body["reply"]["id"])
    await reader.read(person.http, person.bases[0])
    assert len(await person.messages(person.bases[1], chat)) == 2
    assert len(pair.calls(tag)) == 1


async def test_a_storm_of_prompts_with_short_replies_is_accepted_or_told_to_wait(
    cluster: Callable[..., Cluster], database: PostgresDatabase, http: aiohttp.ClientSession
) -> None:
    """A prompt that waits for the chat's lock may find, twice in a row, that another turn began meanwhile."""
    made = cluster(database.url, REDIS, DATABASE_WRITERS=8)
    person = await Person.register(http, [process.url for process in made.start(2)])
    chat, content = await person.chat(), prompt("storm", text="a")

    async def insist(base: str) -> set[int]:
        return {(await person.begin(base, chat, content)).status for _ in range(40)}

    found = await asyncio.gather(*(insist(person.bases[n % 2]) for n in range(24)))
    assert set().union(*found) == {202, 409}


async def test_one_key_in_both_processes_is_one_turn(pair: Cluster, person: Person) -> None:
    chat, tag = await person.chat(), f"key-{uuid.uuid4().hex}"
    content = prompt(tag, size=300, chunk=10, delay=0.02)
    key = {"Idempotency-Key": tag}
    answers = await asyncio.gather(*(person.begin(person.bases[n % 2], chat, content, **key) for n in range(16)))
    assert {answer.status for answer in answers} == {202}
    assert len({(answer.body["question"]["id"], answer.body["reply"]["id"]) for answer in answers}) == 1
    reader = Reader(person.token, chat, answers[0].body["reply"]["id"])
    await reader.read(person.http, person.bases[1])
    later = await person.begin(person.bases[0], chat, content, **key)
    assert later.body["reply"]["id"] == reader.reply
    assert len(pair.calls(tag)) == 1
    other = await person.begin(person.bases[1], chat, "something else", **key)
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    pair.sql("UPDATE chats_turn SET started_at = now() - interval '24 hours 1 minute' WHERE key = ?", tag)
    fresh = await person.begin(person.bases[1], chat, "something else", **key)
    assert fresh.status == 202
    assert fresh.body["reply"]["id"] != reader.reply


async def test_one_key_in_two_chats_at_once(pair: Cluster, person: Person) -> None:
    key = uuid.uuid4().hex
    chats = [await person.chat() for _ in range(8)]
    calls = [
        person.begin(person.bases[n % 2], chat, "hello", **{"Idempotency-Key": key}) for n, chat in enumerate(chats)
    ]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status for answer in answers) == [202] + [422] * 7


async def test_keys_of_two_users_never_meet(pair: Cluster, person: Person) -> None:
    other, key = await Person.register(person.http, person.bases), uuid.uuid4().hex
    first = await person.begin(person.bases[0], await person.chat(), "mine", **{"Idempotency-Key": key})
    second = await other.begin(person.bases[1], await other.chat(), "theirs", **{"Idempotency-Key": key})
    assert (first.status, second.status) == (202, 202)
