"""CPU time of a 50-token turn: signed in, context of five turns, question and reply stored, provider asked, answered.

The DRF tutorial stores and answers the same, but waits for the whole reply; the relays store nothing.
"""

import statistics

from benchmarks.baselines.apps import CHANNELS, DRF
from benchmarks.bench import NAMES, Bench
from benchmarks.doors import DOORS, PAGE, RELAY, SSE, Door
from benchmarks.parley import Parley
from benchmarks.turns import Round

CASE, TITLE = "turn", "A 50-token turn"
TURNS = 96  # of all clients together, in a round
MOST, SHARE = 2.0, 0.25


def run(bench: Bench) -> None:
    counts = [1, 16, 64, 256] if bench.full else [1, 16, 256]
    floors = measure_floors(bench, counts)
    sdk = measure_sdk(bench)
    for kind in bench.kinds:
        baselines = {**measure_tutorials(bench, kind), "SDK relay": sdk}
        with bench.parley(kind) as ours:
            people = ours.seed(people=max(counts))
            for door in DOORS:
                record(bench, kind, door, 16, ours, people, floors[16], baselines)
            for count in counts:
                if count != 16:
                    record(bench, kind, SSE, count, ours, people, floors[count], {})


def measure_floors(bench: Bench, counts: list[int]) -> dict[int, list[float]]:
    with bench.relay("floor") as app:
        return {count: costs(bench.turns(RELAY, app, [{}] * count, 5 * each(count))) for count in counts}


def measure_sdk(bench: Bench) -> list[float]:
    with bench.relay("sdk") as app:
        return costs(bench.turns(RELAY, app, [{}] * 16, 6))


def measure_tutorials(bench: Bench, kind: str) -> dict[str, list[float]]:
    found = {}
    for name, door in (("drf", DRF), ("channels", CHANNELS)):
        with bench.tutorial(name, kind, people=16) as app:
            found[door.name] = costs(bench.turns(door, app, app.people, 6))
    return found


def each(clients: int) -> int:
    return max(1, TURNS // clients)


def costs(rounds: list[Round]) -> list[float]:
    if errors := [error for one in rounds for error in one.errors]:
        raise RuntimeError(f"{len(errors)} wrong replies, for example {errors[0]}")
    return [one.per_turn for one in rounds]


def record(
    bench: Bench, kind: str, door: Door, count: int, ours: Parley, people: list, floor: list[float],
    baselines: dict[str, list[float]],
) -> None:  # fmt: skip
    few = None if count <= 64 or bench.full else 2
    rounds = bench.turns(door, ours, people[:count], 3 if door is PAGE else each(count), few)
    found = [one.per_turn for one in rounds]
    errors = [error for one in rounds for error in one.errors]
    seconds = [second for one in rounds for second in one.seconds]
    note = f"{len(seconds) / sum(one.wall for one in rounds):.0f} turns/s, {len(errors)} errors"
    if errors:
        note += f": {errors[0][:80]}"
    target, met = judge(statistics.median(found), errors, baselines) if door is SSE and count == 16 else ("", None)
    if count == 256:
        target, met = "0 errors", not errors
    name = f"{door.name}, {NAMES[kind]}, {count} client{'s' * (count > 1)}"
    bench.add(CASE, name, "ms", found, floor=floor, baselines=baselines, target=target, met=met, note=note)


def judge(found: float, errors: list[str], baselines: dict[str, list[float]]) -> tuple[str, bool]:
    tutorial = statistics.median(baselines[DRF.name])
    return "≤ 2 ms and ≤ 1/4 of the DRF tutorial", found <= MOST and found <= SHARE * tutorial and not errors
