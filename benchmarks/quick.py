"""The regression guard: CPU time of a 50-token turn against the floor of the same run. python -m benchmarks.quick

--only parley|floor     one side only
--database sqlite|postgresql|both
--clients N --rounds N --turns N (of each client, in a round)
--wrap 'py-spy record -o /tmp/flame.svg --'   a command to put before our server
--record                write the ratios down as the ones to compare with
"""

import argparse
import json
import os
import shlex
import signal
import statistics
import sys
import tempfile
from pathlib import Path

import uvloop

from benchmarks.baselines import apps
from benchmarks.doors import RELAY, SSE
from benchmarks.parley import parley, postgres_reachable
from benchmarks.servers import CORES, Process, fake_provider
from benchmarks.turns import Field, Round

RECORDED = Path(__file__).parent / "recorded.json"
GROSS = 2.0
FLOOR_FACTOR = 5  # the floor is so cheap that it needs more turns for a figure


def told(name: str, found: list[Round]) -> float:
    if errors := [error for one in found for error in one.errors]:
        raise SystemExit(f"{name}: {len(errors)} wrong replies, for example {errors[0]}")
    costs = [one.per_turn for one in found]
    middle, turns = statistics.median(costs), sum(one.turns for one in found)
    wall = sum(one.wall for one in found)
    others = [1000 * sum(getattr(one, side) for one in found) / turns for side in ("provider", "load")]
    spread = f"{min(costs):.3f}-{max(costs):.3f}"
    print(
        f"{name:12} {middle:7.3f} ms a turn ({spread}); {turns / wall:6.0f} turns/s; "
        f"provider {others[0]:.3f} ms, load generator {others[1]:.3f} ms a turn",
        flush=True,
    )
    return middle


def measure_floor(options: argparse.Namespace, fake: Process, base: str, folder: Path) -> float:
    with apps.relay("floor", base, folder) as app:
        people = [{} for _ in range(options.clients)]
        each = options.turns * FLOOR_FACTOR
        found = uvloop.run(Field(RELAY, app.port, people, app.process, fake).rounds(options.rounds, each))
    return told("floor", found)


def measure_parley(options: argparse.Namespace, kind: str, fake: Process, base: str, folder: Path) -> float:
    with parley(base, kind, folder, tuple(shlex.split(options.wrap))) as ours:
        print(f"pid {ours.process.pids[-1]}, log {ours.log}", file=sys.stderr, flush=True)
        people = ours.seed(people=options.clients)
        field = Field(SSE, ours.port, people, ours.process, fake)
        found = uvloop.run(field.rounds(options.rounds, options.turns))
    return told(kind, found)


def run(options: argparse.Namespace) -> int:
    kinds = ["sqlite", "postgresql"] if options.database == "both" else [options.database]
    if "postgresql" in kinds and options.database == "both" and not postgres_reachable():
        print("PostgreSQL is not reachable: left out")
        kinds.remove("postgresql")
    costs = {}
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder, fake_provider() as (fake, base):
        if options.only != "parley":
            costs["floor"] = measure_floor(options, fake, base, Path(folder))
        for kind in kinds if options.only != "floor" else []:
            costs[kind] = measure_parley(options, kind, fake, base, Path(folder))
    return compared(costs, options.record)


def compared(costs: dict[str, float], record: bool) -> int:
    """Print the ratios; return 1 where one is more than twice the recorded one."""
    if "floor" not in costs or len(costs) == 1:
        return 0
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    ratios = {kind: round(cost / costs["floor"], 2) for kind, cost in costs.items() if kind != "floor"}
    gross = [kind for kind, ratio in ratios.items() if ratio > GROSS * recorded.get(kind, ratio)]
    for kind, ratio in ratios.items():
        print(f"{kind:12} {ratio:7.2f} times the floor (recorded: {recorded.get(kind, 'none')})")
    if record:
        RECORDED.write_text(json.dumps(recorded | ratios, indent=2) + "\n")
    for kind in gross:
        print(f"{kind}: more than {GROSS:g} times the recorded ratio", file=sys.stderr)
    return 1 if gross and not record else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quick", description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["parley", "floor", "both"], default="both")
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turns", type=int, default=25)
    parser.add_argument("--wrap", default="")
    parser.add_argument("--record", action="store_true")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    if CORES:
        os.sched_setaffinity(0, {CORES[0]})
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
