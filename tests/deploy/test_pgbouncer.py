"""The server by way of PgBouncer in transaction mode, with fewer connections than it has threads."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import pytest_asyncio

from llm.testing import FakeProvider
from tests.deploy.pgbouncer import BINARY, CONNECTIONS, PgBouncer
from tests.faults.cluster import Cluster
from tests.faults.people import PASSWORD, Person, expected, prompt
from tests.faults.stores import PostgresDatabase

pytestmark = [
    pytest.mark.asyncio(loop_scope="function"),
    pytest.mark.skipif(BINARY is None, reason="pgbouncer is not installed (Debian: apt-get install pgbouncer)"),
]
STAFF = "staff@example.org"


@pytest.fixture(scope="module")
def pooler(services: None) -> Iterator[PgBouncer]:
    with PostgresDatabase() as database, PgBouncer(database.url) as running:
        yield running


@pytest.fixture(scope="module")
def pair(pooler: PgBouncer, provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two processes; also `migrate` goes by way of the pooler."""
    folder = tmp_path_factory.mktemp("pooled")
    settings = {"DATABASE_POOLER": "transaction", "DATABASE_WAIT": 2, "DATABASE_STATEMENT_TIMEOUT": 3}
    with Cluster(folder, provider, pooler.url, **settings) as made:
        made.start(2)
        yield made


@pytest_asyncio.fixture
async def person(pair: Cluster) -> AsyncIterator[Person]:
    async with aiohttp.ClientSession() as http:
        yield await Person.register(http, [process.url for process in pair.processes])


async def test_many_turns_at_once_are_made_and_stored(pair: Cluster, person: Person, pooler: PgBouncer) -> None:
    """More threads than there are connections accept, flush and end them; the other process reads."""
    one, two = person.bases
    readers = [
        await person.started(one, await person.chat(one), prompt("many", size=400, chunk=10, delay=0.02))
        for _ in range(12)
    ]
    await asyncio.gather(*(reader.read(person.http, two) for reader in readers))

    assert {reader.text for reader in readers} == {expected(400)}
    assert await asyncio.to_thread(pooler.server_connections) <= CONNECTIONS


async def test_stopping(person: Person) -> None:
    one, two = person.bases
    chat = await person.chat()
    await person.started(one, chat, prompt("stop", chunks=["one ", "two"], stall_after=1))
    stopped = await person.call("POST", two, f"/api/chats/{chat}/stop/")

    assert (stopped.status, stopped.body["state"]) == (200, "stopped")


async def test_notes_lists_and_search(person: Person) -> None:
    one, _ = person.bases
    made = await person.call("POST", one, "/api/notes/", {"title": "Pooled", "content": "words of a note"})
    found = await person.call("GET", one, "/api/notes/?search=words")

    assert made.status == 201, made
    assert [note["id"] for note in found.body["results"]] == [made.body["id"]]
    assert (await person.call("GET", one, "/api/chats/")).status == 200


async def test_the_admin(pair: Cluster, person: Person) -> None:
    created = await asyncio.to_thread(
        pair.manage, "createsuperuser", "--noinput", DJANGO_SUPERUSER_EMAIL=STAFF, DJANGO_SUPERUSER_PASSWORD=PASSWORD
    )
    assert created.returncode == 0, created.stderr
    shown = await asyncio.to_thread(pair.manage, "shell", "-v", "0", "-c", ADMIN_PAGES)

    assert shown.stdout.split() == ["200"] * 3, shown.stderr


ADMIN_PAGES = f"""
from django.test import Client
from accounts.models import User
client = Client(headers={{"host": "localhost"}})
client.force_login(User.objects.get_by_natural_key("{STAFF}"))
for page in ("/admin/", "/admin/accounts/user/", "/admin/chats/chat/"):
    print(client.get(page).status_code)
"""


async def test_what_a_killed_process_left_is_ended_by_the_other(pair: Cluster, person: Person) -> None:
    one, two = person.bases
    chat = await person.chat()
    reader = await person.started(one, chat, prompt("sweep", chunks=["one ", "two"], stall_after=1))
    reading = asyncio.create_task(reader.read(person.http, two))
    await asyncio.to_thread(pair.processes[0].kill)
    await asyncio.wait_for(reading, 30)
    pair.processes[0].start()
    await asyncio.to_thread(pair.processes[0].wait_ready)

    assert reader.end is not None
    assert (reader.end["state"], reader.end["reason"]) == ("interrupted", "process_lost")


async def test_the_limits_hold_for_every_transaction_and_for_nobody_else(pair: Cluster, pooler: PgBouncer) -> None:
    shown = await asyncio.to_thread(pair.manage, "shell", "-v", "0", "-c", LIMITS)
    assert shown.stdout.split() == ["3s", "2s", "3s", "2s", "QueryCanceled", "QueryCanceled"], shown.stderr

    plain = Cluster(pair.folder, pair.fake, pooler.url)
    assert {plain.sql("SHOW statement_timeout") == [("0",)] for _ in range(4 * CONNECTIONS)} == {True}


LIMITS = """
from django.db import OperationalError, connection, transaction
def run(sql):
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql)
            return cursor.fetchone()[0]
        except OperationalError as error:
            return type(error.__cause__).__name__
print(run("SHOW statement_timeout"), run("SHOW lock_timeout"))
with transaction.atomic(), transaction.atomic():
    print(run("SHOW statement_timeout"), run("SHOW lock_timeout"))
print(run("SELECT pg_sleep(20)"))
with transaction.atomic():
    print(run("SELECT pg_sleep(20)"))
    transaction.set_rollback(True)
"""
