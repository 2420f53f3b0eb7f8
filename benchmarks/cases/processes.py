"""Several processes over PostgreSQL and Redis: throughput, and what it costs to follow a reply in another process.

Here the processes may use every core, which they share with the load generator, the provider and PostgreSQL.
"""

import asyncio
import sys
import uuid
from typing import Any

import orjson
import uvloop

from benchmarks import texts
from benchmarks.bench import Bench, redis_reachable
from benchmarks.doors import SSE, Person, bearer, messages_path
from benchmarks.load import Answer, Client, request
from benchmarks.parley import Parley
from benchmarks.servers import CORES, free_port, running
from benchmarks.streaming import GAP, PACE, arrivals, spread_out
from benchmarks.turns import Field

CASE, TITLE = "processes", "Several processes"
STREAMS, WINDOW = 50, 5


def run(bench: Bench) -> None:
    if "postgresql" not in bench.kinds or not redis_reachable():
        print("PostgreSQL or Redis is not reachable: several processes are left out", file=sys.stderr)
        return
    for count in (1, 2, 4):
        throughput(bench, count)
    with bench.parley("postgresql", **redis()) as owner:
        port = free_port()
        command = [sys.executable, "manage.py", "serve", "--port", str(port)]
        with running(command, owner.env, port, bench.folder / "second.log") as second:
            people = spread_out(owner.seed(people=1, chats=STREAMS))
            local = uvloop.run(follow(owner, owner.port, second, people))
            remote = uvloop.run(follow(owner, port, second, people))
    for name, found in (("in the same process", local), ("in another process", remote)):
        about = f"a token followed {name}, {STREAMS} streams"
        bench.add(CASE, f"{about}: owner", "µs", [found[0]])
        bench.add(CASE, f"{about}: other process", "µs", [found[1]], note=f"{found[2]} replies not whole")


def redis() -> dict[str, str]:
    from benchmarks.parley import REDIS

    return {
        "REDIS_URL": REDIS,
        "REDIS_PREFIX": f"bench-{uuid.uuid4().hex[:8]}",
        "STREAMS_PER_USER": "1000",
        "TURNS_PER_USER": "1000",
    }


def throughput(bench: Bench, count: int) -> None:
    with bench.parley("postgresql", core=None, WEB_CONCURRENCY=str(count), **redis()) as ours:
        people = ours.seed(people=32)
        field = Field(SSE, ours.port, people, ours.process, bench.provider)
        rounds = uvloop.run(field.rounds(min(3, bench.rounds), 6))
    errors = [error for one in rounds for error in one.errors]
    plural = f"{count} process{'es' * (count > 1)}"
    rates = [one.turns / one.wall for one in rounds]
    bench.add(
        CASE, f"turns a second, {plural}, 32 clients", "", rates, target="0 errors", met=not errors,
        note=f"{len(CORES)} cores; {len(errors)} errors{''.join(errors[:1])[:80]}",
    )  # fmt: skip
    bench.add(CASE, f"CPU of a turn, {plural}, 32 clients", "ms", [one.per_turn for one in rounds])


async def follow(owner: Parley, port: int, second: Any, people: list[Person]) -> tuple[float, float, int]:
    """Start turns at the owner, follow them at `port`; return CPU µs a token of both processes and wrong replies."""
    count = int((len(people) * GAP + 1 + WINDOW + 0.5) * 1000 / PACE)
    tasks = [asyncio.create_task(one(owner.port, port, person, at * GAP, count)) for at, person in enumerate(people)]
    await asyncio.sleep(len(people) * GAP + 1)
    before = owner.process.cpu(), second.cpu()
    await asyncio.sleep(WINDOW)
    after = owner.process.cpu(), second.cpu()
    answers = await asyncio.gather(*tasks)
    tokens = WINDOW * 1000 / PACE * len(people)
    wrong = sum(not is_whole(answer, count) for answer in answers)
    return (after[0] - before[0]) / tokens * 1e6, (after[1] - before[1]) / tokens * 1e6, wrong


async def one(owner: int, port: int, person: Person, delay: float, count: int) -> Answer:
    await asyncio.sleep(delay)
    starting, reading = Client(owner), Client(port)
    body = orjson.dumps({"content": texts.prompt(count, PACE)})
    await starting.send(request("POST", messages_path(person) + "?wait=false", body, bearer(person)))
    answer = await reading.send(request("GET", f"/api/chats/{person['chats'][0]}/stream/", headers=bearer(person)))
    starting.close()
    reading.close()
    return answer


def is_whole(answer: Answer, count: int) -> bool:
    try:
        SSE.check(answer, count, PACE)
    except Exception:
        return False
    return bool(arrivals(answer))
