"""As many connections to PostgreSQL as the documentation says, and no more."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import aiohttp
import psycopg
import pytest
from django.conf import settings

from tests.faults.cluster import Cluster
from tests.faults.people import Person, prompt
from tests.faults.stores import POSTGRES, REDIS, PostgresDatabase, on_server

pytestmark = pytest.mark.asyncio
POOL, READERS, WRITERS, FLUSH = 10, 2, 3, 1
DEFAULTS = (settings.DATABASE_POOL, settings.DATABASE_READERS, settings.DATABASE_WRITERS)
NAME = "parley-counted"
COUNTED = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
PORTS = "SELECT client_port FROM pg_stat_activity WHERE application_name = %s"
PAGE = Path(__file__).parents[2] / "docs/operations.md"


async def _busy(person: Person, base: str) -> int:
    """Do what ordinary threads and the engine do, all at once; return the worst status."""
    chat = await person.chat(base)
    answers = await asyncio.gather(
        person.begin(base, chat, prompt("busy", size=300, chunk=10, delay=0.02)),
        *(person.call("GET", base, path) for path in ("/api/profile/", "/api/sessions/", "/api/chats/", "/api/notes/")),
    )
    return max(answer.status for answer in answers)


@pytest.fixture
def named(cluster: Callable[..., Cluster], database: PostgresDatabase) -> Cluster:
    """Return a cluster whose connections are told from those of anybody else, the tests' own among them."""
    sizes = {"DATABASE_POOL": POOL, "DATABASE_READERS": READERS, "DATABASE_WRITERS": WRITERS}
    return cluster(f"{database.url}?application_name={NAME}", REDIS, TURNS_PER_USER=1000, **sizes)


async def test_a_busy_process_has_the_documented_number_at_most(named: Cluster, http: aiohttp.ClientSession) -> None:
    (process,) = named.start()
    person = await Person.register(http, [process.url])
    work = asyncio.gather(*(_busy(person, process.url) for _ in range(40)))
    seen = []
    with psycopg.connect(on_server(POSTGRES, "postgres"), autocommit=True) as watching:
        while not work.done():
            row = (await asyncio.to_thread(watching.execute, COUNTED, [NAME])).fetchone()
            seen.append(row[0] if row else 0)

    assert max(await work) < 500
    assert READERS + WRITERS + FLUSH < max(seen) <= POOL + READERS + WRITERS + FLUSH
    assert f"{sum(DEFAULTS) + FLUSH} in all" in PAGE.read_text()


async def test_the_parent_of_several_processes_has_none(named: Cluster) -> None:
    (parent,) = named.start(WEB_CONCURRENCY=2)

    with psycopg.connect(on_server(POSTGRES, "postgres")) as watching:
        ports = {port for (port,) in watching.execute(PORTS, [NAME])}
    assert ports
    assert not ports & _local_ports(parent.popen.pid)


def _local_ports(pid: int) -> set[int]:
    """Return the ports of a process's own ends of its TCP connections."""
    sockets = {os.readlink(each).strip("socket:[]") for each in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[9] in sockets}
