"""Many paced streams at once: what a token costs, how late it comes, what a stream holds."""

import asyncio
import re
import time
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

from benchmarks import texts
from benchmarks.doors import Door, Person
from benchmarks.load import Answer
from benchmarks.servers import Process, own_cpu

PACE = 50  # milliseconds between tokens: 20 tokens/s
GAP = 0.006  # seconds between two starts
SETTLE = 1.0
WINDOW = 5.0
STAMP = re.compile(rb"(\d{4}):(\d{8}) ")


@dataclass
class Streams:
    """What some streams did in the measured window."""

    count: int
    server: float
    provider: float
    load: float
    threads: int
    memory: int
    tokens: int = 0
    late: list[float] = field(default_factory=list)  # milliseconds
    errors: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / WINDOW

    @property
    def keeps_up(self) -> bool:
        """Whether the tokens came as fast as they were sent: one that is behind joins them, which looks cheap."""
        return self.rate > 0.98 * self.count * 1000 / PACE

    @property
    def per_token(self) -> float:
        """CPU microseconds of the server."""
        return self.server / max(1, self.tokens) * 1e6


def spread_out(people: list[Person]) -> list[Person]:
    """Return a person for every chat, since one chat has one running turn."""
    return [{**person, "chats": [chat]} for person in people for chat in person["chats"]]


async def stream_all(door: Door, port: int, people: list[Person], server: Process, provider: Process) -> Streams:
    """Start a stream for each person, one after the other; measure once all run; check every reply."""
    await warm(door, port, people[:4])
    idle = server.memory(), server.threads()
    ramp = len(people) * GAP
    count = int((ramp + SETTLE + WINDOW + 0.5) * 1000 / PACE)
    begun = time.monotonic()
    tasks = [asyncio.create_task(one(door, port, person, at * GAP, count)) for at, person in enumerate(people)]
    await asyncio.sleep(ramp + SETTLE + begun - time.monotonic())
    start, before = time.monotonic(), spent(server, provider)
    await asyncio.sleep(WINDOW)
    end, after = time.monotonic(), spent(server, provider)
    used = [late - early for early, late in zip(before, after, strict=True)]
    found = Streams(len(people), *used, server.threads() - idle[1], server.memory() - idle[0])
    for answer in await asyncio.gather(*tasks, return_exceptions=True):
        judge(door, answer, count, start, end, found)
    return found


async def warm(door: Door, port: int, people: list[Person]) -> None:
    for person in people:
        client = door.connect(port, person)
        door.check(await client.send(door.ask(person, 50, 0)), 50)
        client.close()


def spent(server: Process, provider: Process) -> tuple[float, float, float]:
    return server.cpu(), provider.cpu(), own_cpu()


async def one(door: Door, port: int, person: Person, delay: float, count: int) -> Answer:
    await asyncio.sleep(delay)
    client = door.connect(port, person)
    try:
        return await client.send(door.ask(person, count, PACE))
    finally:
        client.close()


def judge(door: Door, answer: Any, count: int, start: float, end: float, found: Streams) -> None:
    try:
        if isinstance(answer, BaseException):
            raise answer
        door.check(answer, count, PACE)
    except Exception as error:
        found.errors.append(repr(error))
        return
    for moment, sent in arrivals(answer):
        if start <= moment < end:
            found.tokens += 1
            found.late.append((moment - sent) * 1000)


def arrivals(answer: Answer) -> list[tuple[float, float]]:
    """Return for each token when it came and when it had left; what is repeated later does not count."""
    ends, found = [size for _, size in answer.arrivals], {}
    for match in STAMP.finditer(answer.raw):
        if match[1] not in found:
            moment = answer.arrivals[min(bisect_left(ends, match.end()), len(ends) - 1)][0]
            ticks = (int(moment * texts.TICKS) - int(match[2])) % texts.WRAP
            found[match[1]] = (moment, moment - ticks / texts.TICKS)
    return list(found.values())
