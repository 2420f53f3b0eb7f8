"""Background work under faults: nothing accepted is lost, and nothing is done by two at a time."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.cluster import ROOT, Cluster, Process
from tests.faults.people import PASSWORD

MANY = 150


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    folder = tmp_path / "seen"
    folder.mkdir()
    return folder


def enqueue(cluster: Cluster, code: str) -> None:
    done = cluster.manage("shell", "-c", f"from tests.faults.slow_tasks import *\n{code}")
    assert done.returncode == 0, done.stderr


def wait_until(condition: Callable[[], Any], cluster: Cluster) -> Any:
    deadline = time.monotonic() + 40
    while not (found := condition()):
        assert time.monotonic() < deadline, cluster.sql("SELECT task_path, status, attempts, error FROM common_task")
        time.sleep(0.05)
    return found


def all_done(cluster: Cluster) -> bool:
    return cluster.sql("SELECT count(*) FROM common_task WHERE status <> 'SUCCESSFUL'") == [(0,)]


def holder(cluster: Cluster, seen: Path, kind: str) -> Process:
    """Return the process in which a task has begun."""
    (begun,) = wait_until(lambda: list(seen.glob(f"{kind}-begun-*")), cluster)
    pid = int(begun.name.rpartition("-")[2])
    return next(process for process in cluster.processes if pid == process.popen.pid)


def test_each_of_many_tasks_is_done_by_one_of_two_processes(store: tuple[str, str], cluster: Any, seen: Path) -> None:
    made = cluster(*store, TASK_POLL_SECONDS=0.1)
    enqueue(made, f"for n in range({MANY}): once.enqueue({str(seen)!r}, str(n))")
    made.start(2)

    wait_until(lambda: all_done(made), made)
    assert {path.name for path in seen.iterdir()} >= {str(number) for number in range(MANY)}
    assert made.sql("SELECT DISTINCT attempts FROM common_task") == [(1,)]


@pytest.mark.parametrize("kind", ["hold", "ahold"])
def test_what_a_killed_process_had_begun_is_done_by_another(
    store: tuple[str, str], cluster: Any, seen: Path, kind: str
) -> None:
    made = cluster(*store, LEASE_SECONDS=2)
    made.start(2)
    enqueue(made, f"{kind}.enqueue({str(seen)!r})")
    victim = holder(made, seen, kind)
    victim.kill()

    (survivor,) = [process for process in made.processes if process is not victim]
    wait_until(lambda: (seen / f"{kind}-begun-{survivor.popen.pid}").exists(), made)
    (seen / "go").touch()
    wait_until(lambda: all_done(made), made)
    assert made.sql("SELECT attempts, lease_owner FROM common_task") == [(2, "")]
    assert (seen / f"{kind}-ended-{survivor.popen.pid}").exists()


def test_sigterm_lets_what_runs_end(store: tuple[str, str], cluster: Any, seen: Path) -> None:
    made = cluster(*store)
    (process,) = made.start()
    enqueue(made, f"hold.enqueue({str(seen)!r})\nahold.enqueue({str(seen)!r})")
    for kind in ("hold", "ahold"):
        holder(made, seen, kind)
    process.signal(signal.SIGTERM)
    (seen / "go").touch()

    assert process.popen.wait(10) == 0
    assert all_done(made)
    assert made.sql("SELECT DISTINCT attempts FROM common_task") == [(1,)]


def test_sigterm_puts_back_what_does_not_end(store: tuple[str, str], cluster: Any, seen: Path) -> None:
    made = cluster(*store)
    (first,) = made.start()
    enqueue(made, f"hold.enqueue({str(seen)!r})\nahold.enqueue({str(seen)!r})")
    for kind in ("hold", "ahold"):
        holder(made, seen, kind)
    first.signal(signal.SIGTERM)

    assert first.popen.wait(10) == 0
    assert made.sql("SELECT DISTINCT status, attempts, lease_owner FROM common_task") == [("READY", 0, "")]
    (seen / "go").touch()
    (second,) = made.start()
    wait_until(lambda: all_done(made), made)
    assert (seen / f"hold-ended-{second.popen.pid}").exists()
    assert (seen / f"ahold-ended-{second.popen.pid}").exists()


def test_a_process_that_only_works(store: tuple[str, str], cluster: Any, seen: Path) -> None:
    made = cluster(*store)
    enqueue(made, f"once.enqueue({str(seen)!r}, 'x')")
    command = [sys.executable, "manage.py", "work"]
    with subprocess.Popen(command, cwd=ROOT, env=made.environment) as worker:
        try:
            wait_until(lambda: all_done(made), made)
        finally:
            worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
    assert (seen / f"by-{worker.pid}").exists()


class SilentMailServer:
    """Accepts connections and says nothing, as a dead one behind a load balancer does."""

    def __enter__(self) -> "SilentMailServer":
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.connected = threading.Event()
        self._held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def _accept(self) -> None:
        while True:
            try:
                self._held.append(self._socket.accept()[0])
            except OSError:
                return
            self.connected.set()

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        for each in self._held:
            each.close()


@pytest.fixture
def silent() -> Iterator[SilentMailServer]:
    with SilentMailServer() as server:
        yield server


def mails(folder: Path) -> list[str]:
    return [path.read_text() for path in folder.glob("*.log")] if folder.exists() else []


def test_a_crash_loses_no_accepted_mail(
    store: tuple[str, str], cluster: Any, tmp_path: Path, silent: SilentMailServer
) -> None:
    made = cluster(*store, EMAIL_URL=f"smtp://127.0.0.1:{silent.port}", LEASE_SECONDS=2)
    (first,) = made.start()
    emails = [f"p{number}@example.org" for number in range(6)]
    for email in emails:  # more than there are threads for
        answer = httpx.post(f"{first.url}/api/register/", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 201
    assert silent.connected.wait(20)  # in the middle of one
    first.kill()

    made.start(EMAIL_URL=f"file://{tmp_path}/mails")
    wait_until(lambda: all_done(made), made)
    sent = mails(tmp_path / "mails")
    assert sorted(re.findall(r"^To: (\S+)$", "\n".join(sent), re.MULTILINE)) == emails


def test_a_dead_mail_server_holds_up_neither_answers_nor_the_end(
    store: tuple[str, str], cluster: Any, silent: SilentMailServer
) -> None:
    made = cluster(*store, EMAIL_URL=f"smtp://127.0.0.1:{silent.port}", EMAIL_TIMEOUT=60)
    (process,) = made.start()
    for number in range(20):
        email = f"p{number}@example.org"
        answer = httpx.post(f"{process.url}/api/register/", json={"email": email, "password": PASSWORD}, timeout=10)
        assert answer.status_code == 201
    assert silent.connected.wait(20)
    process.signal(signal.SIGTERM)

    assert process.popen.wait(10) == 0
    assert made.sql("SELECT DISTINCT status, attempts FROM common_task") == [("READY", 0)]
