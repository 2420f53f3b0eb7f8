"""Open streams of 20 tokens/s: CPU of a token from the provider to the reader's socket, lateness, memory, threads.

Every stream has a stored chat of its own. Lateness is from the moment that a token left the provider to the moment
that it reached the reader, the load generator's own delay included, for the floor as well.
"""

from typing import Any

import uvloop

from benchmarks.baselines.apps import CHANNELS
from benchmarks.bench import NAMES, Bench
from benchmarks.doors import RELAY, SSE, Door
from benchmarks.results import percentile
from benchmarks.streaming import Streams, spread_out, stream_all

CASE, TITLE = "stream", "Open streams"
CHATS = 50  # of each person


def run(bench: Bench) -> None:
    for count in [50, 500, 1000, 2500] if bench.full else [50, 500]:
        with bench.relay("floor") as app:
            floor = measure(bench, RELAY, app, [{}] * count)
        baselines = measure_baselines(bench, count) if count == 50 else {}
        for kind in bench.kinds:
            with bench.parley(kind, STREAMS_PER_USER="1000", TURNS_PER_USER="1000") as ours:
                people = spread_out(ours.seed(people=count // CHATS, chats=CHATS))
                record(bench, kind, measure(bench, SSE, ours, people), floor, baselines)


def measure(bench: Bench, door: Door, app: Any, people: list) -> Streams:
    return uvloop.run(stream_all(door, app.port, people, app.process, bench.provider))


def measure_baselines(bench: Bench, count: int) -> dict[str, Streams]:
    found = {}
    with bench.relay("sdk") as app:
        found["SDK relay"] = measure(bench, RELAY, app, [{}] * count)
    with bench.tutorial("channels", bench.kinds[-1], people=1, chats=count) as app:
        found[CHANNELS.name] = measure(bench, CHANNELS, app, spread_out(app.people))
    return found


def record(bench: Bench, kind: str, found: Streams, floor: Streams, others: dict[str, Streams]) -> None:
    count, about = found.count, f"{found.count} streams, {NAMES[kind]}"
    costs = {name: [other.per_token] for name, other in others.items()}
    ratio = found.per_token / floor.per_token
    per_token = [1e6 * side / max(1, found.tokens) for side in (found.provider, found.load)]
    sides = "provider {:.0f} µs, load generator {:.0f} µs a token".format(*per_token)
    note = f"{found.rate:.0f} tokens/s{'' if found.keeps_up else ', behind'}; {sides}"
    bench.add(
        CASE, f"a token, {about}", "µs", [found.per_token], floor=[floor.per_token], baselines=costs, note=note,
        target="≤ 1.5 x the bare relay" * (count == 500), met=ratio <= 1.5 and found.keeps_up if count == 500 else None,
    )  # fmt: skip
    for share in (50, 99):
        late, strict = percentile(found.late, share), share == 99 and count == 1000
        bench.add(
            CASE, f"lateness p{share}, {about}", "ms", [late], floor=[percentile(floor.late, share)],
            baselines={name: [percentile(other.late, share)] for name, other in others.items()},
            target="< 100 ms" * strict, met=late < 100 if strict else None,
        )  # fmt: skip
    memory = found.memory / count / 1024
    bench.add(
        CASE, f"memory of a stream, {about}", "KiB", [memory], floor=[floor.memory / count / 1024],
        baselines={name: [other.memory / count / 1024] for name, other in others.items()},
        target="≤ 32 KiB", met=memory <= 32,
    )  # fmt: skip
    bench.add(
        CASE, f"threads more than idle, {about}", "", [found.threads], floor=[],
        baselines={name: [other.threads] for name, other in others.items()},
        target="none a stream", met=found.threads <= 10,
    )  # fmt: skip
    bench.add(
        CASE, f"errors, {about}", "", [len(found.errors)], target="0", met=not found.errors,
        note=found.errors[0][:100] if found.errors else "",
    )  # fmt: skip
