"""Latency before the first text: from the request to the first token at the reader; one client, nothing else runs."""

import statistics

import uvloop

from benchmarks.baselines.apps import CHANNELS
from benchmarks.bench import NAMES, Bench
from benchmarks.doors import RELAY, SSE, Door, Person
from benchmarks.results import percentile

CASE, TITLE = "first", "First text"
TURNS = 60


def run(bench: Bench) -> None:
    with bench.relay("floor") as app:
        floor = first_texts(RELAY, app.port, {})
    with bench.relay("sdk") as app:
        sdk = first_texts(RELAY, app.port, {})
    for kind in bench.kinds:
        with bench.tutorial("channels", kind, people=1) as app:
            channels = first_texts(CHANNELS, app.port, app.people[0])
        with bench.parley(kind) as ours:
            found = first_texts(SSE, ours.port, ours.seed(people=1)[0])
        added = f"{statistics.median(found) - statistics.median(floor):.1f} ms added"
        for share in (50, 95):
            others = {"SDK relay": [percentile(sdk, share)], CHANNELS.name: [percentile(channels, share)]}
            bench.add(
                CASE, f"first token p{share}, {NAMES[kind]}", "ms", [percentile(found, share)],
                floor=[percentile(floor, share)], baselines=others,
                note=added if share == 50 else "",
            )  # fmt: skip


def first_texts(door: Door, port: int, person: Person) -> list[float]:
    """Return the milliseconds to the first token of each turn."""
    return uvloop.run(_first_texts(door, port, person))


async def _first_texts(door: Door, port: int, person: Person) -> list[float]:
    client, found = door.connect(port, person), []
    for _ in range(TURNS + 10):
        answer = await client.send(door.ask(person, 50, 0))
        door.check(answer, 50)
        at = answer.raw.find(b"tok0000")
        moment = next(moment for moment, size in answer.arrivals if size > at)
        found.append((moment - answer.sent) * 1000)
    client.close()
    return found[10:]
