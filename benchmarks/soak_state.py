"""What must stay flat however long a server runs: memory, descriptors, rows that are there for a time, the WAL."""

import os
import sqlite3
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.parley import Parley
from benchmarks.servers import Process

MIB = 2**20
CHUNKS = "SELECT count(*) FROM chats_chunk"
UNFINISHED = "SELECT count(*) FROM chats_turn WHERE state IN ('streaming', 'waiting')"
HELD = "SELECT count(*) FROM usage_counter WHERE running <> 0 OR held_tokens <> 0"
TASKS = "SELECT count(*) FROM common_task WHERE status IN ('READY', 'RUNNING')"


@dataclass(frozen=True)
class State:
    """One look at an idle server; `wal` is MiB written since the look before (SQLite: the size of its file)."""

    memory: float
    descriptors: int
    chunks: int
    unfinished: int
    held: int
    tasks: int
    wal: float

    def line(self) -> str:
        return " ".join(f"{value:11.1f}" if isinstance(value, float) else f"{value:11}" for value in astuple(self))


HEADINGS = " ".join(f"{field.name:>11}" for field in fields(State))
# How much more than in the second round the last one may have: what is 0 stays 0.
MOST_MORE = {"memory": 10.0, "descriptors": 10, "chunks": 0, "unfinished": 0, "held": 0, "tasks": 0}


class Watch:
    """Looks at one server."""

    def __init__(self, server: Parley) -> None:
        self._server, self._url, self._written = server, server.env["DATABASE_URL"], 0.0
        self.states: list[State] = []

    def look(self) -> State:
        process = self._server.process
        rows = [self._number(each) for each in (CHUNKS, UNFINISHED, HELD, TASKS)]
        state = State(process.memory() / MIB, descriptors(process), *map(int, rows), self._wal())
        self.states.append(state)
        return state

    def growth(self) -> list[str]:
        """Return what has grown since the second round; the first warms up. Nothing is known of fewer than three."""
        if len(self.states) < 4:  # the first look was before the first round
            return []
        early, late = self.states[2], self.states[-1]
        grown = [name for name, most in MOST_MORE.items() if getattr(late, name) > getattr(early, name) + most]
        return [*grown, "wal"] if late.wal > 1.5 * early.wal + 1 else grown

    def _wal(self) -> float:
        if self._url.startswith("sqlite"):
            path = Path(self._url.removeprefix("sqlite:///") + "-wal")
            return path.stat().st_size / MIB if path.exists() else 0.0
        before, self._written = self._written, self._number("SELECT pg_current_wal_lsn() - '0/0'") / MIB
        return self._written - before if before else 0.0

    def _number(self, statement: str) -> float:
        if self._url.startswith("sqlite"):
            lite = sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=30)
            try:
                return float(lite.execute(statement).fetchone()[0])
            finally:
                lite.close()
        url = self._url.replace("postgres://", "postgresql://", 1)
        with psycopg.connect(url, autocommit=True) as connection:
            found: Any = connection.execute(statement).fetchone()  # type: ignore[call-overload]
            return float(found[0])


def descriptors(process: Process) -> int:
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in process.pids)
