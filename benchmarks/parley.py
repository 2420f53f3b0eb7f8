"""Our own server under measurement: a fresh database, made-up people, one process unless said otherwise."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.servers import ROOT, Process, free_port, running

POSTGRES = os.environ.get("BENCH_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6379/0")


@dataclass
class Parley:
    """A running server and how to reach it."""

    port: int
    process: Process
    env: dict[str, str]
    log: Path

    def seed(self, **wanted: Any) -> Any:
        """Put people, chats or messages into the database; returns what `benchmarks.seed` prints."""
        return seed(self.env, **wanted)


def seed(env: dict[str, str], **wanted: Any) -> Any:
    command = [sys.executable, "-m", "benchmarks.seed", json.dumps(wanted)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def environment(provider: str, database: str, **more: str) -> dict[str, str]:
    """Return what production would set, apart from the names of this run."""
    return {
        "PATH": os.environ["PATH"], "ENV_FILE": "", "SECRET_KEY": "benchmark-" * 6, "DEBUG": "false",
        "SECURE_SSL_REDIRECT": "false", "REQUIRE_CONFIRMED_EMAIL": "false", "MODERATION": "off",
        "OPENAI_BASE_URL": provider, "OPENAI_API_KEY": "bench", "DATABASE_URL": database, "EMAIL_URL": "dummy:",
        "LOG_LEVEL": "ERROR", "ACCESS_TOKEN_SECONDS": "900",
        "SOCKET_FRAMES_PER_SECOND": "100000", **more,
    }  # fmt: skip


@contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[str]:
    """Give the address of an empty database, gone afterwards."""
    name = f"parley_bench_{uuid.uuid4().hex[:8]}"
    if kind == "sqlite":
        yield f"sqlite:///{folder / name}.sqlite3"
        return
    administer(f'CREATE DATABASE "{name}"')
    try:
        yield POSTGRES.rpartition("/")[0] + "/" + name
    finally:
        administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def administer(statement: str, database: str = POSTGRES) -> None:
    import psycopg

    with psycopg.connect(database, autocommit=True, connect_timeout=3) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def postgres_reachable() -> bool:
    try:
        administer("SELECT 1")
    except Exception:
        return False
    return True


@contextmanager
def parley(
    provider: str, kind: str, folder: Path, wrap: tuple[str, ...] = (), core: int | None = 1, **more: str
) -> Iterator[Parley]:
    """Run the server; `wrap` is a command put before it, for example a profiler; `core` None is all of them."""
    with fresh_database(kind, folder) as database:
        env, port, log = environment(provider, database, **more), free_port(), folder / "parley.log"
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True)
        command = [*wrap, sys.executable, "manage.py", "serve", "--port", str(port)]
        with running(command, env, port, log, core, bool(wrap)) as process:
            yield Parley(port, process, env, log)
