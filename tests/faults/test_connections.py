"""As many connections to PostgreSQL as the documentation says, and no more."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from django.conf import settings

from tests.faults.cluster import Cluster
from tests.faults.people import Person, prompt
from tests.faults.stores import REDIS, PostgresDatabase

pytestmark = pytest.mark.asyncio
POOL, READERS, WRITERS, FLUSH = 10, 2, 3, 1
DEFAULTS = (settings.DATABASE_POOL, settings.DATABASE_READERS, settings.DATABASE_WRITERS)
PAGE = Path(__file__).parents[2] / "docs/operations.md"


async def _busy(person: Person, base: str) -> int:
    """Do what ordinary threads and the engine do, all at once; return the worst status."""
    chat = await person.chat(base)
    answers = await asyncio.gather(
        person.begin(base, chat, prompt("busy", size=300, chunk=10, delay=0.02)),
        *(person.call("GET", base, path) for path in ("/api/profile/", "/api/sessions/", "/api/chats/", "/api/notes/")),
    )
    return max(answer.status for answer in answers)


async def test_a_busy_process_has_the_documented_number_at_most(
    cluster: Callable[..., Cluster], database: PostgresDatabase, http: aiohttp.ClientSession
) -> None:
    sizes = {"DATABASE_POOL": POOL, "DATABASE_READERS": READERS, "DATABASE_WRITERS": WRITERS}
    made = cluster(database.url, REDIS, TURNS_PER_USER=1000, **sizes)
    (process,) = made.start()
    person = await Person.register(http, [process.url])
    work = asyncio.gather(*(_busy(person, process.url) for _ in range(40)))
    seen = []
    while not work.done():
        counted = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = ? AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        seen.append((await asyncio.to_thread(made.sql, counted, database.name))[0][0])
    limit = POOL + READERS + WRITERS + FLUSH

    assert max(await work) < 500
    lasting = max(min(three) for three in zip(seen, seen[1:], seen[2:], strict=False))  # a backend outlives its client
    assert READERS + WRITERS + FLUSH < lasting <= limit
    assert f"{sum(DEFAULTS) + FLUSH} in all" in PAGE.read_text()
