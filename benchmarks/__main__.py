"""make bench: measure, write results.jsonl, render docs/performance.md and its plot. python -m benchmarks --help"""

import argparse
import importlib
import os
import resource
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks import report, results
from benchmarks.bench import Bench, told
from benchmarks.servers import CORES, fake_provider

CASES = (
    "turns", "streams", "first", "beside", "long", "lists", "startup", "processes", "resume", "accounts", "overload",
    "peers",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="the whole list: up to 2,500 streams and 1,000,000 chats")
    parser.add_argument("--case", action="append", choices=CASES, help="only these; others keep their last figures")
    parser.add_argument("--peers", action="store_true", help="set up and measure other products too (needs a network)")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if CORES:
        os.sched_setaffinity(0, {CORES[0]})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # 2,500 streams are 5,000 connections of the server
    failed = measure(options)
    report.main()
    return 1 if failed else 0


def measure(options: argparse.Namespace) -> list[str]:
    """Run the cases; one that breaks is told and does not take the others with it."""
    failed = []
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder, fake_provider() as (provider, base):
        for name in options.case or CASES:
            bench = Bench(provider, base, Path(folder), options.full, options.peers, options.rounds)
            try:
                with told(name):
                    importlib.import_module(f"benchmarks.cases.{name}").run(bench)
            except Exception as error:
                failed.append(name)
                print(f"{name}: {error!r}", file=sys.stderr, flush=True)
            results.save(bench.figures)
    return failed


if __name__ == "__main__":
    sys.exit(main())
