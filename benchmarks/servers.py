"""Starting what is measured as processes of their own, and what the kernel says about them."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A running process with its children."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], log: Path | None = None, core: int | None = None,
        wrapped: bool = False,
    ) -> None:  # fmt: skip
        self.wrapped = wrapped
        self.log = open(log, "ab") if log else subprocess.DEVNULL  # noqa: SIM115
        self.started = time.monotonic()
        self.popen = subprocess.Popen(
            list(command), cwd=ROOT, env=dict(env), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            start_new_session=True,
        )  # fmt: skip
        if len(CORES) > 1:  # else it would share the load generator's
            os.sched_setaffinity(self.popen.pid, CORES if core is None else {CORES[core % len(CORES)]})

    @property
    def pids(self) -> list[int]:
        """The process and its descendants."""
        found, at = [self.popen.pid], 0
        while at < len(found):
            found += children(found[at])
            at += 1
        return found

    def cpu(self) -> float:
        """User and system seconds so far, of the process and its children."""
        return sum(cpu_of(pid) for pid in self.pids)

    def memory(self) -> int:
        """Resident bytes."""
        return sum(memory_of(pid) for pid in self.pids)

    def threads(self) -> int:
        return sum(len(os.listdir(f"/proc/{pid}/task")) for pid in self.pids)

    def stop(self, grace: float = 30) -> None:
        """Ask it to stop; a profiler around it ends, and writes what it saw, once the server has."""
        if self.popen.poll() is None:
            os.kill(((self.wrapped and children(self.popen.pid)) or [self.popen.pid])[0], signal.SIGTERM)
        try:
            self.popen.wait(grace)
        except subprocess.TimeoutExpired:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()


def children(pid: int) -> list[int]:
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        return [int(child) for task in tasks for child in read(f"/proc/{pid}/task/{task}/children").split()]
    except OSError:
        return []


def read(path: str) -> str:
    with open(path) as file:
        return file.read()


def cpu_of(pid: int) -> float:
    """User and system seconds of all threads, ended ones included: the clock that clock_getcpuclockid(3) gives."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def memory_of(pid: int) -> int:
    for line in read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    return 0


def own_cpu() -> float:
    """What this process, the load generator, has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def wait_for_port(port: int, process: Process, seconds: float = 60) -> None:
    """Wait until somebody listens; the connection made for it is closed at once."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.popen.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{process.popen.args} does not listen; see {process.log}") from None
            time.sleep(0.01)


@contextmanager
def fake_provider() -> Iterator[tuple[Process, str]]:
    """Run the provider on the load generator's core; give its base address."""
    port = free_port()
    process = Process([sys.executable, "-m", "benchmarks.fake", str(port)], os.environ, core=0)
    try:
        wait_for_port(port, process)
        yield process, f"http://127.0.0.1:{port}/v1"
    finally:
        process.stop()


@contextmanager
def running(
    command: Sequence[str], env: Mapping[str, str], port: int, log: Path, core: int | None = 1, wrapped: bool = False,
    seconds: float = 60,
) -> Iterator[Process]:  # fmt: skip
    """Run a server until the end of the block, on the measured core unless told otherwise."""
    process = Process(command, env, log, core, wrapped)
    try:
        wait_for_port(port, process, seconds)
        yield process
    finally:
        process.stop()
