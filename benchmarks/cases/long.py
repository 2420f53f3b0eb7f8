"""One more turn, and the last page of messages, in chats of more and more messages; rounds of all sizes take turns."""

import statistics

import uvloop

from benchmarks.asking import ask
from benchmarks.baselines.apps import DRF
from benchmarks.bench import NAMES, Bench
from benchmarks.doors import SSE, Door, Person, bearer, messages_path
from benchmarks.load import request
from benchmarks.parley import Parley
from benchmarks.turns import Field

CASE, TITLE = "long", "Long chats"
TURNS = 30
FLAT = 1.10


def run(bench: Bench) -> None:
    sizes = [10, 1_000, 10_000, 100_000] if bench.full else [10, 1_000, 100_000]
    for kind in bench.kinds:
        drf = tutorial(bench, kind, sizes) if kind == "sqlite" else {}
        with bench.parley(kind) as ours:
            people = {size: ours.seed(people=1, messages=size)[0] for size in sizes}
            turns, pages = measure(bench, ours, people)
            record(bench, f"one more turn, {NAMES[kind]}", turns, drf)
            record(bench, f"last page of messages, {NAMES[kind]}", pages, {})


def a_round(bench: Bench, door: Door, app: object, person: Person) -> float:
    field = Field(door, app.port, [person], app.process, bench.provider)
    return uvloop.run(field.rounds(1, TURNS))[0].per_turn


def measure(bench: Bench, ours: Parley, people: dict[int, Person]) -> tuple[dict, dict]:
    turns: dict[int, list[float]] = {size: [] for size in people}
    pages: dict[int, list[float]] = {size: [] for size in people}
    for _ in range(bench.rounds if bench.full else 3):
        for size, person in people.items():
            turns[size].append(a_round(bench, SSE, ours, person))
            wanted = request("GET", messages_path(person), headers=bearer(person))
            pages[size].append(ask(ours.port, ours.process, wanted, TURNS).cost)
    return turns, pages


def tutorial(bench: Bench, kind: str, sizes: list[int]) -> dict[int, list[float]]:
    found = {}
    for size in sizes:
        with bench.tutorial("drf", kind, people=1, messages=size) as app:
            field = Field(DRF, app.port, app.people, app.process, bench.provider)
            found[size] = [one.per_turn for one in uvloop.run(field.rounds(2, 10))]
    return found


def record(bench: Bench, name: str, found: dict[int, list[float]], drf: dict[int, list[float]]) -> None:
    first, last = min(found), max(found)
    for size, costs in found.items():
        ratio = statistics.median(costs) / statistics.median(found[first])
        judged = size == last
        bench.add(
            CASE, f"{name}, {size:,} messages", "ms", costs, baselines={DRF.name: drf[size]} if size in drf else {},
            target=f"within 10 % of {first} messages" * judged, met=ratio <= FLAT if judged else None,
            note=f"{ratio:.2f} x that of {first}" if size != first else "",
        )  # fmt: skip
