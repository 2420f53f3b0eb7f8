"""A short turn beside 200 slow streams, against the same turn on an idle server."""

import asyncio

import uvloop

from benchmarks.bench import NAMES, Bench
from benchmarks.doors import RELAY, SSE, Door, Person
from benchmarks.results import percentile
from benchmarks.streaming import GAP, PACE, spread_out

CASE, TITLE = "beside", "A short turn beside slow streams"
STREAMS, TURNS, MOST = 200, 50, 3.0
SECONDS = 11


def run(bench: Bench) -> None:
    with bench.relay("floor") as app:
        floor = uvloop.run(measure(RELAY, app.port, [{}] * (STREAMS + 1)))
    for kind in bench.kinds:
        with bench.parley(kind, STREAMS_PER_USER="1000", TURNS_PER_USER="1000") as ours:
            people = spread_out(ours.seed(people=5, chats=STREAMS // 4))[: STREAMS + 1]
            idle, busy = uvloop.run(measure(SSE, ours.port, people))
        for share in (50, 95):
            alone, beside, bare = (percentile(some, share) for some in (idle, busy, floor[1]))
            bench.add(CASE, f"idle, p{share}, {NAMES[kind]}", "ms", [alone], floor=[percentile(floor[0], share)])
            bench.add(
                CASE, f"beside {STREAMS} streams, p{share}, {NAMES[kind]}", "ms", [beside], floor=[bare],
                target="≤ 3 x idle" * (share == 95), met=beside <= MOST * alone if share == 95 else None,
                note=f"{beside / alone:.2f} x idle",
            )  # fmt: skip


async def measure(door: Door, port: int, people: list[Person]) -> tuple[list[float], list[float]]:
    """Return the milliseconds of short turns on the idle server, then beside the streams; every reply is checked."""
    person, others = people[0], people[1:]
    await short_turns(door, port, person, 10)
    idle = await short_turns(door, port, person, TURNS)
    count = SECONDS * 1000 // PACE
    tasks = [asyncio.create_task(slow(door, port, other, at, count)) for at, other in enumerate(others)]
    await asyncio.sleep(len(others) * GAP + 1)
    busy = await short_turns(door, port, person, TURNS)
    await asyncio.gather(*tasks)
    return idle, busy


async def slow(door: Door, port: int, person: Person, number: int, count: int) -> None:
    await asyncio.sleep(number * GAP)
    client = door.connect(port, person)
    door.check(await client.send(door.ask(person, count, PACE)), count, PACE)
    client.close()


async def short_turns(door: Door, port: int, person: Person, count: int) -> list[float]:
    client, found = door.connect(port, person), []
    for _ in range(count):
        answer = await client.send(door.ask(person, 50, 0))
        door.check(answer, 50)
        found.append(answer.seconds * 1000)
    client.close()
    return found
