"""What every case is given: the provider, a folder, how thorough to be, and where figures go."""

import statistics
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.baselines import apps
from benchmarks.doors import Door, Person
from benchmarks.parley import REDIS, Parley, parley, postgres_reachable
from benchmarks.results import Figure
from benchmarks.servers import Process
from benchmarks.turns import Field, Round

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass
class Bench:
    """One run of the benchmarks."""

    provider: Process
    base: str
    folder: Path
    full: bool = False
    peers: bool = False
    rounds: int = 5
    figures: list[Figure] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        return ["sqlite", "postgresql"] if postgres_reachable() else ["sqlite"]

    def parley(self, kind: str, **settings: Any) -> AbstractContextManager[Parley]:
        return parley(self.base, kind, self.folder, **settings)

    def relay(self, module: str) -> AbstractContextManager[apps.App]:
        return apps.relay(module, self.base, self.folder)

    def tutorial(self, name: str, kind: str, **people: Any) -> AbstractContextManager[apps.App]:
        return apps.tutorial(name, self.base, kind, self.folder, **people)

    def turns(
        self, door: Door, app: Parley | apps.App, people: list[Person], each: int, rounds: int | None = None
    ) -> list[Round]:
        """Measure rounds of 50-token turns."""
        field_ = Field(door, app.port, people, app.process, self.provider)
        return uvloop.run(field_.rounds(rounds or self.rounds, each))

    def add(self, case: str, name: str, unit: str, ours: list[float], **more: Any) -> Figure:
        """Keep a figure and show it."""
        figure = Figure(case, name, unit, ours, **more)
        self.figures.append(figure)
        ratio = f", {figure.ratio:.2f} x floor" if figure.ratio else ""
        others = "".join(f", {label} {statistics.median(some):.3g}" for label, some in figure.baselines.items())
        met = {None: "", True: " [met]", False: " [NOT MET]"}[figure.met]
        print(f"{case:10} {name:55} {figure.value:10.4g} {unit}{ratio}{others}{met} {figure.note}", flush=True)
        return figure


def redis_reachable() -> bool:
    import redis

    try:
        return bool(redis.Redis.from_url(REDIS, socket_connect_timeout=2).ping())
    except redis.RedisError:
        return False


@contextmanager
def told(name: str) -> Iterator[None]:
    """Say which case runs, and for how long it did."""
    begun = time.monotonic()
    yield
    print(f"{'':10} {name}: {time.monotonic() - begun:.0f} s", flush=True)
