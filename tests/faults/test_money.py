"""Limits on cost over two processes and all doors, while providers fail and a process dies."""

import asyncio
import random
import time
import uuid
from collections import Counter as Tally
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from llm.testing import FakeProvider
from streamchat.testing import FakeStream
from tests.faults.cluster import Cluster
from tests.faults.doors import DOORS, Asker, completions
from tests.faults.people import prompt
from tests.faults.stores import REDIS, PostgresDatabase

pytestmark = pytest.mark.asyncio
FRESH, MADE, CACHED = 3, 15, 1  # micro-units of a token
MILLION = 1_000_000
HELD = (
    "SELECT coalesce(sum(held_tokens + held_cost + running), 0) + (SELECT count(*) FROM usage_hold) FROM usage_counter"
)
FAULTS: list[dict[str, Any]] = [{}, {}, {}, {}, {"status": 503, "times": 1}, {"status": 400}, {"empty": True}]


@pytest.fixture
def pair_with_prices(
    services: None, provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """Two processes that know the prices of the model they ask for, and a Stream app."""
    provider.clear()
    folder = tmp_path_factory.mktemp("money")
    with PostgresDatabase() as database, FakeStream() as stream, Cluster(
        folder, provider, database.url, REDIS, LEAST_OUTPUT_TOKENS=30, HELD_OUTPUT_TOKENS=60,
        STREAM_API_KEY=stream.key, STREAM_API_SECRET=stream.secret, STREAM_BASE_URL=stream.url, STREAM_HOOK_SECONDS=0.9,
    ) as cluster:  # fmt: skip
        cluster.start(2)
        cluster.sql(
            "UPDATE llm_model SET input_price = ?, output_price = ?, cached_input_price = ? "
            "WHERE model_id = 'gpt-6-luna'",
            FRESH * MILLION, MADE * MILLION, CACHED * MILLION,
        )  # fmt: skip
        cluster.sql("UPDATE llm_catalogversion SET value = ?", str(uuid.uuid4()))
        time.sleep(3)  # every process has looked by then
        yield cluster
        cluster.sql("DELETE FROM usage_limit")


def price_of(record: dict[str, Any]) -> int:
    half = record["prompt_tokens"] // 2
    cost = (record["prompt_tokens"] - half) * FRESH + half * CACHED + record["sent"] * MADE
    return cost if record["status"] == 200 else 0  # an empty reply costs its prompt


def spent(fake: FakeProvider, tag: str) -> int:
    """Return what requests came to, those running included, by the provider's own log."""
    return sum(price_of(record) for record in asked(fake, tag))


def asked(fake: FakeProvider, tag: str) -> list[dict[str, Any]]:
    return [record for record in fake.requests("openai") if tag in str(record["body"])]


def limit(cluster: Cluster, amount: int, **values: Any) -> None:
    given = {"user_id": None, "group_id": None, "is_shared": False, **values}
    cluster.sql(
        "INSERT INTO usage_limit (name, user_id, group_id, is_shared, model, unit, period, amount, enabled) "
        "VALUES ('money', ?, ?, ?, '', 'cost', 'month', ?, true)",
        given["user_id"], given["group_id"], given["is_shared"], amount,
    )  # fmt: skip


async def ask(one: Asker, tag: str) -> tuple[str, int]:
    """Ask by one of the doors, at one of the processes; return its name and the status."""
    text = prompt(f"{tag} {uuid.uuid4()}", text="Good words. " * 12, delay=0.02, **random.choice(FAULTS))
    door = random.choice(DOORS)
    return door.__name__, await door(one, random.choice(one.person.bases), text)


async def nothing_held(cluster: Cluster, since: float, within: float = 10) -> None:
    while cluster.sql(HELD)[0][0]:
        assert time.monotonic() - since < within, cluster.sql("SELECT * FROM usage_counter WHERE running <> 0")
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("whose", ["person", "group", "everyone"])
async def test_no_parallelism_gets_past_a_limit_on_two_processes(
    pair_with_prices: Cluster, provider: FakeProvider, http: aiohttp.ClientSession, whose: str, long: bool
) -> None:
    cluster, tag = pair_with_prices, f"money-{uuid.uuid4().hex}"
    bases = [process.url for process in cluster.processes]
    people = [await asker(cluster, http, bases) for _ in range(1 if whose == "person" else 4)]
    ids = [user_id(cluster, each.person.email) for each in people]
    one = 24 * MADE + 90 * FRESH
    amount = one * 50
    already = cluster.sql("SELECT coalesce(sum(cost), 0) FROM usage_counter WHERE subject = 'everyone'")[0][0]
    if whose == "group":
        [(group,)] = cluster.sql("INSERT INTO auth_group (name) VALUES (?) RETURNING id", tag)
        for id_ in ids:
            cluster.sql("INSERT INTO accounts_user_groups (user_id, group_id) VALUES (?, ?)", id_, group)
        limit(cluster, amount, group_id=group, is_shared=True)
    else:
        limit(cluster, amount + (already if whose == "everyone" else 0), is_shared=whose == "everyone",
              user_id=ids[0] if whose == "person" else None)  # fmt: skip
    watching = asyncio.create_task(_watch(provider, tag, amount))

    answers: list[tuple[str, int]] = []
    for turns in (200, 100, 100) if not long else [200] * 12:  # what the first ones held and did not use comes back
        answers += await asyncio.gather(*(ask(random.choice(people), tag) for _ in range(turns)))
        await no_tasks(cluster)

    watching.cancel()
    assert await asyncio.gather(watching, return_exceptions=True)
    statuses = {status for door, status in answers if (door, status) != ("stream_hook", 503)}  # not within its second
    assert statuses <= {0, 200, 201, 302, 429, 502}, Tally(answers)
    assert 429 in statuses
    await nothing_held(cluster, time.monotonic())
    total = spent(provider, tag)
    assert amount * 0.5 < total <= amount
    [(attempts, counted)] = cluster.sql(
        "SELECT (SELECT sum(cost) FROM usage_attempt WHERE user_id = ANY(?)), (SELECT sum(cost) FROM usage_counter "
        "WHERE subject = ANY(?))", ids, [f"user:{id_}" for id_ in ids],
    )  # fmt: skip
    assert attempts == counted == total


async def asker(cluster: Cluster, http: aiohttp.ClientSession, bases: list[str]) -> Asker:
    return await Asker.register(http, bases, lambda email: user_id(cluster, email))


def user_id(cluster: Cluster, email: str) -> int:
    return int(cluster.sql("SELECT id FROM accounts_user WHERE email = ?", email)[0][0])


async def no_tasks(cluster: Cluster) -> None:
    """Wait until everything that Stream has asked for is answered."""
    async with asyncio.timeout(120):
        while cluster.sql("SELECT count(*) FROM common_task WHERE status IN ('READY', 'RUNNING')")[0][0]:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def _watch(provider: FakeProvider, tag: str, amount: int) -> None:
    while True:
        assert spent(provider, tag) <= amount
        await asyncio.sleep(0.2)


async def test_a_killed_process_leaves_nothing_held(
    pair_with_prices: Cluster, provider: FakeProvider, http: aiohttp.ClientSession
) -> None:
    cluster, tag = pair_with_prices, f"killed-{uuid.uuid4().hex}"
    victim, other = cluster.processes
    one = await asker(cluster, http, [victim.url, other.url])
    user = user_id(cluster, one.person.email)
    limit(cluster, 10**9, user_id=user)
    slow = [asyncio.create_task(ask_slowly(one, victim.url, tag, number)) for number in range(12)]
    async with asyncio.timeout(20):
        await all_begun(provider, tag, len(slow))
    assert cluster.sql(HELD)[0][0] > 0

    victim.kill()
    killed = time.monotonic()
    for task in slow:
        task.cancel()
    await nothing_held(cluster, killed)

    [(attempts, counted, lost)] = cluster.sql(
        "SELECT (SELECT sum(cost) FROM usage_attempt WHERE user_id = ?), (SELECT sum(cost) FROM usage_counter "
        "WHERE subject = ?), (SELECT count(*) FROM usage_attempt WHERE user_id = ? AND error = 'process_lost')",
        user, f"user:{user}", user,
    )  # fmt: skip
    assert lost == 12
    assert attempts == counted >= spent(provider, tag)
    victim.start()
    victim.wait_ready()


async def all_begun(provider: FakeProvider, tag: str, count: int) -> None:
    while sum(record["sent"] > 0 for record in asked(provider, tag)) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def ask_slowly(one: Asker, base: str, tag: str, number: int) -> None:
    text = prompt(f"{tag} {number}", text="Good words. " * 20, delay=1)
    if number % 2:
        await completions(one, base, text)
    else:
        await one.person.begin(base, await one.person.chat(base), text)
