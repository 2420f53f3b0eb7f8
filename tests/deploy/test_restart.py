"""`deploy/restart`: from one server to the next behind nginx, while people read and write."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import pytest_asyncio

from tests.deploy.nginx import BINARY, HOST, Nginx
from tests.deploy.recipes import DEPLOY
from tests.faults.cluster import ROOT, Cluster
from tests.faults.people import Person, expected, prompt
from tests.faults.reader import Reader
from tests.faults.stores import REDIS, PostgresDatabase, free_port

pytestmark = pytest.mark.skipif(BINARY is None, reason="nginx is not installed (Debian: apt-get install nginx-light)")
READERS = 100
SIZE, DELAY = 600, 0.25  # 60 pieces in 15 s: less than the 20 s of grace
START = "exec setsid {python} manage.py serve --port $1 >>{folder}/log.$1 2>&1 & echo $! >{folder}/pid.$1"
# As `systemctl stop` does: SIGTERM, then wait until it has ended.
STOP = "kill -TERM $(cat {folder}/pid.$1); while kill -0 $(cat {folder}/pid.$1) 2>/dev/null; do sleep 0.1; done"


class Machine:
    """What systemd is elsewhere: starts and stops a server on a port."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.folder, self._environment = folder, cluster.environment
        self.ports = [free_port(), free_port()]
        for name, script in (("start", START), ("stop", STOP)):
            (folder / name).write_text(script.format(python=sys.executable, folder=folder))

    def run(self, script: str, port: int) -> None:
        subprocess.run(["sh", self.folder / script, str(port)], cwd=ROOT, env=self._environment, check=True)

    def restart(self, nginx: Nginx) -> "subprocess.Popen[str]":
        """Begin a restart."""
        command = " ".join(nginx.command)
        values = {
            "PORTS": " ".join(map(str, self.ports)),
            "UPSTREAM": str(nginx.upstream),
            "START": f"sh {self.folder}/start %s",
            "STOP": f"sh {self.folder}/stop %s",
            "TEST_NGINX": f"{command} -t -q",
            "RELOAD_NGINX": f"{command} -s reload",
        }
        return subprocess.Popen(
            [DEPLOY / "restart"], cwd=ROOT, env=self._environment | values, stderr=subprocess.PIPE, text=True
        )

    def wait_ready(self, port: int) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / f"log.{port}").read_text())

    def is_running(self, port: int) -> bool:
        try:
            os.kill(int((self.folder / f"pid.{port}").read_text()), 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        for port in self.ports:
            if (self.folder / f"pid.{port}").exists() and self.is_running(port):
                os.kill(int((self.folder / f"pid.{port}").read_text()), 9)


@pytest.fixture
def site(services: None, cluster: Callable[..., Cluster]) -> Iterator[Cluster]:
    with PostgresDatabase() as database:
        hosts = f"{HOST},127.0.0.1"
        yield cluster(database.url, REDIS, SITE_URL=f"https://{HOST}", ALLOWED_HOSTS=hosts, TRUSTED_PROXIES=1)


@pytest.fixture
def machine(site: Cluster, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(site, tmp_path)
    made.run("start", made.ports[0])
    made.wait_ready(made.ports[0])
    yield made
    made.kill()


@pytest.fixture
def nginx(machine: Machine, tmp_path: Path) -> Iterator[Nginx]:
    with Nginx(tmp_path / "nginx", f"http://127.0.0.1:{machine.ports[0]}", str(tmp_path)) as running:
        yield running


@pytest_asyncio.fixture
async def person(machine: Machine, nginx: Nginx) -> AsyncIterator[Person]:
    """Return somebody who knows the site's address only."""
    site = f"https://127.0.0.1:{nginx.port}"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=False)) as http:
        yield await Person.register(http, [site])


async def keep_posting(person: Person, done: asyncio.Event) -> dict[str, Reader]:
    """Begin a turn again and again, each with a key of its own, repeated until it is accepted; return their readers."""
    posted = dict[str, Reader]()
    while not done.is_set():
        tag = f"posted-{len(posted)}-"
        chat = (await person.insist("/api/chats/", {}, f"{tag}chat", 60)).body["id"]
        path = f"/api/chats/{chat}/messages/?wait=false"
        answer = await person.insist(path, {"content": prompt(tag, size=20)}, tag, 60)
        assert answer.status == 202, answer
        posted[tag] = Reader(person.token, chat, answer.body["reply"]["id"])
    return posted


@pytest.mark.asyncio
async def test_no_character_is_lost_and_every_post_succeeds_in_the_end(
    site: Cluster, machine: Machine, nginx: Nginx, person: Person
) -> None:
    async def read(reader: Reader) -> None:
        await reader.read_on(person.http, person.bases, 120)

    [base], done = person.bases, asyncio.Event()
    chats = await asyncio.gather(*(person.chat() for _ in range(READERS)))
    content = prompt("long", size=SIZE, chunk=10, delay=DELAY)
    readers = await asyncio.gather(*(person.started(base, chat, content) for chat in chats))
    reading = asyncio.gather(*(read(reader) for reader in readers))
    posting = asyncio.create_task(keep_posting(person, done))
    restart = machine.restart(nginx)
    _, said = await asyncio.to_thread(restart.communicate)
    done.set()
    await reading
    posted = await posting
    await asyncio.gather(*(read(reader) for reader in posted.values()))

    assert restart.returncode == 0, said
    assert [reader.text for reader in readers] == [expected(SIZE)] * READERS
    assert {(reader.end or {})["state"] for reader in readers} == {"complete"}
    assert posted
    assert {reader.text for reader in posted.values()} == {expected(20)}
    assert [len(site.calls(tag)) for tag in posted] == [1] * len(posted)
    assert not machine.is_running(machine.ports[0])
    assert nginx.upstream.read_text() == f"server 127.0.0.1:{machine.ports[1]};\n"


def script(folder: Path, **values: Any) -> "subprocess.CompletedProcess[str]":
    """Run the script where nothing but a page named readyz is served."""
    (folder / "readyz").write_text("ok")
    (folder / "upstream").write_text("server 127.0.0.1:1;\n")
    environment = {"PATH": os.environ["PATH"], "UPSTREAM": str(folder / "upstream"), "READY_SECONDS": "1"}
    environment |= {
        "TEST_NGINX": "true",
        "RELOAD_NGINX": "true",
        "START": "true",
        "STOP": f"echo %s >>{folder}/stopped",
    }
    environment |= {name: str(value) for name, value in values.items()}
    return subprocess.run([DEPLOY / "restart"], env=environment, cwd=folder, capture_output=True, text=True)


def test_where_the_new_server_does_not_start_the_old_one_goes_on(tmp_path: Path) -> None:
    port = free_port()
    done = script(tmp_path, PORTS=f"1 {port}")

    assert (done.returncode, "not ready" in done.stderr) == (1, True)
    assert (tmp_path / "upstream").read_text() == "server 127.0.0.1:1;\n"
    assert (tmp_path / "stopped").read_text() == f"{port}\n"


def test_where_nginx_refuses_the_old_server_goes_on(tmp_path: Path) -> None:
    port = free_port()
    start = f"{sys.executable} -m http.server %s --bind 127.0.0.1 >/dev/null 2>&1 & echo $! >{tmp_path}/pid"
    try:
        done = script(tmp_path, PORTS=f"1 {port}", START=start, TEST_NGINX="false", READY_SECONDS=20)
        taken = script(tmp_path, PORTS=f"1 {port}")
    finally:
        os.kill(int((tmp_path / "pid").read_text()), 9)

    assert (done.returncode, "nginx does not take it" in done.stderr) == (1, True)
    assert (tmp_path / "upstream").read_text() == "server 127.0.0.1:1;\n"
    assert (tmp_path / "stopped").read_text() == f"{port}\n"
    assert (taken.returncode, "taken by a server already" in taken.stderr) == (1, True)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/readyz")
