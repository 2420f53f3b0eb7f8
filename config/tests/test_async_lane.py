"""The async lane: async views and nothing else live on it, and an open stream costs no thread and no connection."""

import asyncio
import threading
from typing import Any

import httpx
from django.conf import settings as django_settings
from django.db import connection
from django.urls import get_resolver

from chats.tests.helpers import SSE, eventually
from common.urls import endpoints
from common.view_options import options_of
from common.views import AsyncView
from conftest import Person
from llm.testing import FakeProvider

STREAMS = 50


def test_async_views_are_on_the_async_lane_and_no_other_view_is() -> None:
    found = [(options_of(endpoint.callback), endpoint) for endpoint in endpoints(get_resolver().url_patterns)]

    for options, endpoint in found:
        assert options.async_lane == issubclass(getattr(endpoint.callback, "view_class", object), AsyncView)
    assert sum(options.async_lane for options, _ in found) >= 20


def connections() -> int:
    """Return how many connections to the test database there are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


async def watch(person: Person, chats: list[str], opened: Any) -> list[Any]:
    """Open a stream in each chat, and return what `opened` says while all of them are open."""
    url, headers = str(person.http.base_url), {"Authorization": f"Bearer {person.token}", **SSE}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30, limits=limits) as client:
        together = asyncio.Barrier(len(chats))

        async def read(chat: str) -> Any:
            path, seen = f"/api/chats/{chat}/messages/", None
            async with client.stream("POST", path, json={"content": "x"}) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("event: delta"):
                        await together.wait()
                        seen = opened()
                        await together.wait()
                        break
            return seen

        return await asyncio.gather(*map(read, chats))


def test_open_streams_cost_no_thread_and_no_connection(alice: Person, fake: FakeProvider, on_postgresql: bool) -> None:
    fake.script(chunks=["Some ", "never"], stall_after=1, repeat=STREAMS)
    chats = [alice.chat() for _ in range(STREAMS)]
    before, connected = set(threading.enumerate()), connections() if on_postgresql else 0

    running = asyncio.run(watch(alice, chats, lambda: set(threading.enumerate())))

    assert len(running) == STREAMS
    fresh = {thread.name for thread in set.union(*running) - before}
    assert {name.partition("-")[0] for name in fresh} <= {"db"}  # those of the executor, started on first use
    assert len(fresh) < 10
    if on_postgresql:
        assert connections() - connected <= django_settings.DATABASE_READERS + django_settings.DATABASE_WRITERS
    for chat in chats:
        assert alice.post(f"/api/chats/{chat}/stop/").status_code == 200
    assert eventually(lambda: fake.open == 0)
