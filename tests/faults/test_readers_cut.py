"""Readers that are cut at random points go on elsewhere and miss nothing."""

import asyncio
import random
import uuid

import pytest

from tests.faults.cluster import Cluster
from tests.faults.people import Person, expected, prompt
from tests.faults.reader import Reader

pytestmark = pytest.mark.asyncio
REPLIES = 200
AT_ONCE = 50


async def _read_with_cuts(person: Person, reader: Reader, rng: random.Random) -> None:
    turn = rng.randrange(2)
    for _ in range(rng.randrange(1, 6)):
        if reader.end is None:
            base = person.bases[turn % 2]
            cut = {"deltas": rng.randrange(1, 15)} if rng.random() < 0.5 else {"seconds": rng.random()}
            await reader.read(person.http, base, **cut)
            turn += 1
    if reader.end is None:
        await reader.read(person.http, person.bases[turn % 2])


async def _one_reply(person: Person, cluster: Cluster, rng: random.Random) -> tuple[str, int]:
    tag, size = f"cut-{uuid.uuid4().hex}", rng.randrange(200, 1500)
    chunk = rng.randrange(5, 40)
    content = prompt(tag, size=size, chunk=chunk, delay=round(2 * chunk / size, 4))
    base = rng.choice(person.bases)
    reader = await person.started(base, await person.chat(base), content)
    others = [Reader(person.token, reader.chat, reader.reply) for _ in range(rng.randrange(2))]
    await asyncio.gather(*(_read_with_cuts(person, each, rng) for each in (reader, *others)))
    text = expected(size)
    for each in (reader, *others):
        assert each.text == text
        assert each.end is not None
        assert each.end["state"] == "complete"
    stored = (await person.messages(rng.choice(person.bases), reader.chat))[-1]
    assert stored["content"] == text
    return tag, sum(each.connections for each in (reader, *others))


async def test_200_replies_with_cut_readers(pair: Cluster, person: Person) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> tuple[str, int]:
        async with room:
            return await _one_reply(person, pair, random.Random(seed + number))

    done = await asyncio.gather(*(one(number) for number in range(REPLIES)))
    for tag, _ in done:
        assert len(pair.calls(tag)) == 1
    print(f"{sum(connections for _, connections in done)} connections")
    assert pair.sql("SELECT count(*) FROM chats_chunk") == [(0,)]
