"""The chat list, the history buckets and a page of messages for somebody with more and more chats, one every minute."""

import statistics

from benchmarks.asking import ask
from benchmarks.baselines.apps import DRF
from benchmarks.bench import NAMES, Bench
from benchmarks.doors import Person, bearer, messages_path
from benchmarks.load import request
from benchmarks.results import percentile

CASE, TITLE = "lists", "Many chats"
REQUESTS = 25
FLAT = 1.10
NAMED = {"list": "chat list", "history": "history buckets", "messages": "page of messages"}


def run(bench: Bench) -> None:
    sizes = [1_000, 100_000, 1_000_000] if bench.full else [1_000, 100_000]
    for kind in bench.kinds:
        found, late = {}, {}
        for size in sizes:
            with bench.parley(kind) as ours:
                person = ours.seed(people=1, chats=size, messages=2)[0]
                found[size], late[size] = measure(bench, ours, requests(person))
        drf = {size: tutorial(bench, kind, size) for size in sizes[:2]} if kind == "sqlite" else {}
        record(bench, kind, found, late, drf)


def requests(person: Person) -> dict[str, bytes]:
    paths = {"list": "/api/chats/", "history": "/api/chats/history/", "messages": messages_path(person)}
    return {name: request("GET", path, headers=bearer(person)) for name, path in paths.items()}


def measure(bench: Bench, app: object, wanted: dict[str, bytes]) -> tuple[dict, dict]:
    costs: dict[str, list[float]] = {name: [] for name in wanted}
    late: dict[str, list[float]] = {name: [] for name in wanted}
    for name, one in wanted.items():
        ask(app.port, app.process, one, 10)
        for _ in range(bench.rounds):
            asked = ask(app.port, app.process, one, REQUESTS)
            costs[name].append(asked.cost)
            late[name] += asked.seconds
    return costs, late


def tutorial(bench: Bench, kind: str, size: int) -> dict[str, list[float]]:
    with bench.tutorial("drf", kind, people=1, chats=size) as app:
        person = app.people[0]
        found = {}
        for name, path in (("list", "/chats/"), ("history", "/history/")):
            wanted = request("GET", path, headers=bearer(person))
            found[name] = [ask(app.port, app.process, wanted, 3).cost for _ in range(2)]
        return found


def record(bench: Bench, kind: str, found: dict, late: dict, drf: dict) -> None:
    first, last = min(found), max(found)
    for name in NAMED:
        for size in found:
            ratio = statistics.median(found[size][name]) / statistics.median(found[first][name])
            base = {DRF.name: drf[size][name]} if name in drf.get(size, {}) else {}
            note = f"p95 {percentile(late[size][name], 95):.1f} ms"
            bench.add(
                CASE, f"{NAMED[name]}, {NAMES[kind]}, {size:,} chats", "ms", found[size][name], baselines=base,
                target=f"within 10 % of {first:,} chats" * (size == last), met=ratio <= FLAT if size == last else None,
                note=note + (f"; {ratio:.2f} x that of {first:,}" if size != first else ""),
            )  # fmt: skip
