"""What somebody is told who asks for too much, or asks while the server is stopping, and how soon."""

import asyncio
import os
import signal

import uvloop

from benchmarks.bench import Bench
from benchmarks.doors import Person, ask_sse
from benchmarks.load import Answer, Client
from benchmarks.parley import Parley
from benchmarks.results import percentile
from benchmarks.streaming import spread_out

CASE, TITLE = "overload", "Overload"
LIMIT, BEYOND = 100, 50
AT_ONCE = 100  # milliseconds


def run(bench: Bench) -> None:
    with bench.parley("sqlite") as ours:
        people = spread_out(ours.seed(people=1, chats=100)) * 2
        refused, stopping = uvloop.run(measure(ours, people))
    record(bench, f"stream number {LIMIT + 1} of one user: 429", refused, 429)
    record(bench, "a turn while the server is stopping: 503", stopping, 503)


async def measure(ours: Parley, people: list[Person]) -> tuple[list[Answer], list[Answer]]:
    """Open as many streams as one user may, then more; then stop the server and ask again."""
    clients = [Client(ours.port) for _ in range(LIMIT)]
    asked = [client.send(ask_sse(person, 200, 50)) for client, person in zip(clients, people, strict=False)]
    streams = [asyncio.create_task(one) for one in asked]
    await asyncio.sleep(3)
    refused = await beyond(ours.port, people)
    os.kill(ours.process.popen.pid, signal.SIGTERM)
    await asyncio.sleep(0.3)
    stopping = await beyond(ours.port, people, drained=True)
    await asyncio.gather(*streams, return_exceptions=True)
    return refused, stopping


async def beyond(port: int, people: list[Person], drained: bool = False) -> list[Answer]:
    found = []
    for person in people[:BEYOND]:
        client = Client(port)
        wanted = ask_sse(person, 50, 0)
        # A place for a stream is refused before anything else is looked at; without one to hold, draining is.
        found.append(await client.send(wanted.replace(b"Accept: text/event-stream\r\n", b"") if drained else wanted))
        client.close()
    return found


def record(bench: Bench, name: str, answers: list[Answer], status: int) -> None:
    statuses = {answer.status for answer in answers}
    late = [answer.seconds * 1000 for answer in answers]
    polite = all(b"retry-after:" in answer.head.lower() for answer in answers)
    p95 = percentile(late, 95)
    bench.add(
        CASE, f"{name}, p95", "ms", [p95], target="at once, with Retry-After",
        met=statuses == {status} and polite and p95 < AT_ONCE, note=f"{len(answers)} requests: {sorted(statuses)}",
    )  # fmt: skip
