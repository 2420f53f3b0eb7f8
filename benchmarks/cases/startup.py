"""From starting the process to the first answer, and what it holds two seconds later."""

import subprocess
import sys
import time
from typing import Any

from benchmarks.asking import ask
from benchmarks.baselines import apps
from benchmarks.bench import NAMES, Bench
from benchmarks.load import request
from benchmarks.parley import Parley
from benchmarks.servers import free_port, running

CASE, TITLE = "startup", "Starting"
STARTS = 3
Started = tuple[list[float], list[float]]
MOST_SECONDS, MOST_MEMORY = 1.5, 64


def run(bench: Bench) -> None:
    floor = starts(bench, lambda port: apps.uvicorn("benchmarks.baselines.floor:application", port), bench_env(bench))
    for kind in bench.kinds:
        with bench.tutorial("drf", kind, people=1) as app:
            drf = starts(bench, lambda port: apps.commands("drf", port), app.env, "/chats/", 401)
        with bench.parley(kind) as ours:
            found = starts(bench, serve, ours.env, "/healthz")
            record(bench, kind, ours, found, floor, drf)


def bench_env(bench: Bench) -> dict[str, str]:
    import os

    return {"PATH": os.environ["PATH"], "OPENAI_BASE_URL": bench.base}


def serve(port: int) -> list[str]:
    return [sys.executable, "manage.py", "serve", "--port", str(port)]


def starts(bench: Bench, command: Any, env: dict[str, str], path: str = "", status: int = 200) -> Started:
    """Return seconds until it listens (and answers `path`), and MiB resident two seconds later, of each start."""
    seconds, memory = [], []
    for _ in range(STARTS):
        port = free_port()
        with running(command(port), env, port, bench.folder / "start.log") as process:
            if path:
                ask(port, process, request("GET", path), 1, status)
            seconds.append(time.monotonic() - process.started)
            time.sleep(2 if len(memory) < 2 else 0)
            memory.append(process.memory() / 2**20)
    return seconds, memory[:2]


def libraries() -> list[float]:
    """Return the MiB that a process holds which has imported what ours is made of, and does nothing."""
    command = [sys.executable, "-m", "benchmarks.baselines.libraries"]
    return [float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)]


def record(bench: Bench, kind: str, ours: Parley, found: Any, floor: Any, drf: Any) -> None:
    about = NAMES[kind]
    bench.add(
        CASE, f"start to the first answer, {about}", "s", found[0], floor=floor[0],
        baselines={"DRF tutorial": drf[0]}, target="< 1.5 s", met=min(found[0]) < MOST_SECONDS,
    )  # fmt: skip
    bench.add(
        CASE, f"idle memory, {about}", "MiB", found[1], floor=floor[1],
        baselines={"DRF tutorial": drf[1], "the libraries alone": libraries()},
        target="≤ 64 MiB", met=max(found[1]) <= MOST_MEMORY,
    )  # fmt: skip
