"""Turns that wait, go on, stop, are superseded, swept and deleted in any order: nothing stored is lost or doubled.

The seed is told on failure; `FAULTS=long` takes 10,000 steps in two processes.
"""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llm.testing import FakeProvider
from tests.faults.cluster import ROOT, Cluster
from tests.faults.stores import PostgresDatabase

SHORT, LONG = 500, 10_000


def _process(cluster: Cluster, *given: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.faults.turn_storm", *(str(each) for each in given)]
    return subprocess.Popen(
        command, cwd=ROOT, env=cluster.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _told(process: "subprocess.Popen[str]") -> dict[str, Any]:
    told, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return dict(json.loads(told))


def _storm(cluster: Cluster, processes: int, threads: int, steps: int) -> None:
    seed = int(os.environ.get("SEED", 0)) or random.randrange(10**6)
    print(f"SEED={seed}")
    chats = json.dumps(_told(_process(cluster, "begin")))
    running = [_process(cluster, "run", seed + n, steps // processes, threads, chats) for n in range(processes)]
    found = [_told(process) for process in running]
    end = _told(_process(cluster, "end"))
    count = sum((Counter(each["count"]) for each in found), Counter())
    print(dict(sorted(count.items())), f"in the end swept: {end['swept']}")
    wrong = [each["wrong"] for each in found if each["wrong"]]
    assert not wrong, wrong
    assert (end["wrong"], end["unfinished"], end["chunks"]) == ([], 0, 0)
    _check_texts(found, end)
    _check_runs(found, end)
    assert end["used"] == end["spent"]
    assert count["went on"] > steps / 1000, "too little has happened"


def _check_texts(found: list[dict[str, Any]], end: dict[str, Any]) -> None:
    """What was promised to be stored, or read from storage, is how the reply begins; an end is all of it."""
    for told in found:
        for reply, text in told["seen"].items():
            assert end["texts"].get(reply, text).startswith(text), reply
        for reply, text in told["final"].items():
            assert end["texts"].get(reply, text) == text, reply
    ends = [reply for told in found for reply in told["final"]]
    assert len(ends) == len(set(ends)), "a reply has ended twice"


def _check_runs(found: list[dict[str, Any]], end: dict[str, Any]) -> None:
    """Each epoch but the first was begun by one decision."""
    runs = Counter((reply, epoch) for told in found for reply, epoch in told["went_on"])
    assert set(runs.values()) <= {1}
    wanted = {(reply, epoch) for reply, last in end["epochs"].items() for epoch in range(2, last + 1)}
    assert {run for run in runs if run[0] in end["epochs"]} == wanted


def test_on_postgresql(services: None, provider: FakeProvider, tmp_path: Path, long: bool) -> None:
    with PostgresDatabase() as made, Cluster(tmp_path, provider, made.url, LEASE_SECONDS=1, TURNS_PER_USER=3) as storm:
        _storm(storm, 2, 4, LONG if long else SHORT)
        deadlocks = storm.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert deadlocks == [(0,)]


def test_on_sqlite(cluster: Callable[..., Cluster], sqlite_url: str, long: bool) -> None:
    _storm(cluster(sqlite_url, LEASE_SECONDS=1, TURNS_PER_USER=3), 1, 4, LONG if long else SHORT)
