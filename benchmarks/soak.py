"""Whether memory and descriptors come back: streams come and go again and again, and the server is looked at between.

.venv/bin/python -m benchmarks.soak --minutes 60 --streams 500 --database postgresql
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.doors import SSE
from benchmarks.parley import parley
from benchmarks.servers import Process, fake_provider
from benchmarks.streaming import spread_out, stream_all

CHATS = 50  # of each person
QUIET = 35.0  # seconds: what is kept for the next call (provider connections, connections of clients) has ended
MIB = 2**20


def descriptors(process: Process) -> int:
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in process.pids)


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
        soak(ours, provider, options.minutes * 60, options.streams)


def soak(ours: Any, provider: Process, seconds: float, streams: int) -> None:
    """Print a line a round: what an idle server holds after so many streams have come and gone."""
    until, served = time.monotonic() + seconds, 0
    print(f"{'seconds':>8} {'streams':>8} {'MiB':>8} {'descriptors':>12} errors", flush=True)
    while True:
        memory, open_files = ours.process.memory() / MIB, descriptors(ours.process)
        left = until - time.monotonic()
        print(f"{seconds - left:8.0f} {served:8} {memory:8.1f} {open_files:12}", flush=True)
        if left <= 0:
            return
        people = spread_out(ours.seed(people=streams // CHATS, chats=CHATS))
        found = uvloop.run(stream_all(SSE, ours.port, people, ours.process, provider))
        if found.errors:
            print(f"{len(found.errors)} errors, the first: {found.errors[0]}", flush=True)
        served += streams
        time.sleep(QUIET)


if __name__ == "__main__":
    main()
