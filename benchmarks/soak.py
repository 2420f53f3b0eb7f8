"""Whether a server stays as it is: streams come and go again and again, some fail, and it is looked at between.

.venv/bin/python -m benchmarks.soak --minutes 60 --streams 500 --database postgresql

One turn in twenty has a provider that fails. Exit code 1: a reply was wrong, or something has
grown since the second round.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from benchmarks.doors import SSE, Person
from benchmarks.load import Answer
from benchmarks.parley import Parley, parley
from benchmarks.servers import Process, fake_provider
from benchmarks.soak_state import HEADINGS, Watch
from benchmarks.streaming import Streams, spread_out, stream_all

CHATS = 50  # of each person
FAULTY = 20  # one turn in so many fails
QUIET = 35.0  # seconds: what is kept for the next call (provider connections, connections of clients) has ended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server")
    options = parser.parse_args()
    settings = dict(each.split("=", 1) for each in options.set)
    with (
        tempfile.TemporaryDirectory() as folder,
        fake_provider() as (provider, base),
        parley(
            base, options.database, Path(folder), STREAMS_PER_USER="1000", TURNS_PER_USER="1000", **settings
        ) as ours,
    ):
        sys.exit(0 if soak(ours, provider, options.minutes * 60, options.streams) else 1)


def soak(ours: Parley, provider: Process, seconds: float, streams: int) -> bool:
    """Print what an idle server holds after each round of streams; return whether all went well and nothing grew."""
    until, served, wrong, watch = time.monotonic() + seconds, 0, 0, Watch(ours)
    print(f"{'seconds':>8} {'streams':>8} {HEADINGS}", flush=True)
    while True:
        left = until - time.monotonic()
        print(f"{seconds - left:8.0f} {served:8} {watch.look().line()}", flush=True)
        if left <= 0:
            break
        people = spread_out(ours.seed(people=max(1, streams // CHATS), chats=min(CHATS, streams)))
        found = uvloop.run(one_round(ours, people, provider))
        if found.errors:
            print(f"{len(found.errors)} errors, the first: {found.errors[0]}", flush=True)
        served, wrong = served + len(people), wrong + len(found.errors)
        time.sleep(QUIET)
    grown = watch.growth()
    print(f"{wrong} wrong replies; grown: {', '.join(grown) or 'nothing'}", flush=True)
    return not grown and not wrong


async def one_round(ours: Parley, people: list[Person], provider: Process) -> Streams:
    """Stream to most people, while the provider fails for the others."""
    faulty, sound = people[::FAULTY], [each for at, each in enumerate(people) if at % FAULTY]
    found, *answers = await asyncio.gather(
        stream_all(SSE, ours.port, sound, ours.process, provider), *[fail(ours.port, each) for each in faulty]
    )
    found.errors += [f"not failed: {each.body[-300:]!r}" for each in answers if b'"state":"failed"' not in each.body]
    return found


async def fail(port: int, person: Person) -> Answer:
    client = SSE.connect(port, person)
    try:
        answer: Answer = await client.send(SSE.ask(person, 0, 0))
        return answer
    finally:
        client.close()


if __name__ == "__main__":
    main()
