"""Real server processes over stores of their own, and what a test may do to them."""

import contextlib
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg

from llm.testing import FakeProvider
from tests.faults.stores import free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 40
LOG_TAIL = 6_000


class Process:
    """One `manage.py serve`, with a log file of its own; started again it keeps port and log."""

    def __init__(self, name: str, environment: dict[str, str], log: Path, program: Sequence[str]) -> None:
        self.name, self.log, self._program = name, log, program
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start without waiting."""
        command = [sys.executable, *self._program, "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            log.write(b"--- start\n")
            log.flush()
            self._popen = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            assert self.running, f"{self.name} ended with {self.popen.returncode}:\n{self.tail()}"
            assert time.monotonic() < deadline, f"{self.name} did not start:\n{self.tail()}"
            time.sleep(0.05)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    @property
    def popen(self) -> "subprocess.Popen[bytes]":
        assert self._popen is not None
        return self._popen

    @property
    def running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def signal(self, number: int) -> None:
        self.popen.send_signal(number)

    def signal_group(self, number: int) -> None:
        os.killpg(self.popen.pid, number)

    def kill(self) -> None:
        """kill -9, with whatever it has started."""
        if self._popen is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.signal_group(signal.SIGKILL)
        self._popen.wait()

    def rss(self) -> int:
        """Return the resident memory in bytes."""
        for line in Path(f"/proc/{self.popen.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-LOG_TAIL:] if self.log.exists() else ""


class Cluster:
    """A database, the processes over it, and the fake provider that they all call."""

    program: Sequence[str] = ("manage.py",)

    def __init__(
        self, folder: Path, fake: FakeProvider, database_url: str, redis_url: str = "", **settings: Any
    ) -> None:
        self.folder, self.fake, self.database_url = folder, fake, database_url
        self.processes: list[Process] = []
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            "ENV_FILE": "",
            "SECRET_KEY": "faults-" + "x" * 60,
            "SECURE_SSL_REDIRECT": "false",
            "EMAIL_URL": "dummy:",
            "REQUIRE_CONFIRMED_EMAIL": "false",
            "REGISTRATIONS_PER_HOUR": "100000",
            "ACCESS_TOKEN_SECONDS": "900",
            "STREAMS_PER_USER": "1000",
            "TURNS_PER_USER": "1000",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "REDIS_PREFIX": f"faults-{secrets.token_hex(4)}",
            "OPENAI_BASE_URL": fake.openai_base_url,
            "OPENAI_API_KEY": "sk-test",
            "GEMINI_BASE_URL": fake.gemini_base_url,
            "GEMINI_API_KEY": "gm-test",
            "MODERATION": "off",
            **{name: str(value) for name, value in settings.items()},
        }

    def __enter__(self) -> "Cluster":
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._is_migrated():
            done = self.manage("migrate", "--verbosity", "0")
            assert done.returncode == 0, done.stderr
        return self

    def _is_migrated(self) -> bool:
        try:
            return bool(self.sql("SELECT count(*) FROM chats_turn"))
        except (psycopg.Error, sqlite3.Error):
            return False

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()

    def manage(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of manage.py to its end."""
        environment = self.environment | settings
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)

    def start(self, count: int = 1, **settings: Any) -> list[Process]:
        """Start so many more processes and wait until they answer."""
        environment = self.environment | {name: str(value) for name, value in settings.items()}
        first = len(self.processes)
        for index in range(first, first + count):
            process = Process(f"process {index}", environment, self.folder / f"process-{index}.log", self.program)
            self.processes.append(process)
            process.start()
        for process in self.processes[first:]:
            process.wait_ready()
        return self.processes[first:]

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement on the database, from outside."""
        if self.database_url.startswith("postgres"):
            with psycopg.connect(self.database_url.replace("postgres://", "postgresql://", 1)) as connection:
                cursor = connection.execute(statement.replace("?", "%s"), values)
                return cursor.fetchall() if cursor.description else []
        lite = sqlite3.connect(self.sqlite_path, timeout=10)
        try:
            with lite:
                return lite.execute(statement, values).fetchall()
        finally:
            lite.close()

    @property
    def sqlite_path(self) -> str:
        return self.database_url.removeprefix("sqlite:///")

    def calls(self, tag: str) -> list[dict[str, Any]]:
        """Return the requests that reached the provider with a tag in the last message."""
        return [record for record in self.fake.requests() if tag in _last_text(record["body"])]

    def logs(self) -> str:
        return "\n".join(f"=== {process.name} ({process.url})\n{process.tail()}" for process in self.processes)


def _last_text(body: Any) -> str:
    if "messages" in body:
        return str(body["messages"][-1]["content"])
    return str(body["contents"][-1]["parts"][0]["text"])
