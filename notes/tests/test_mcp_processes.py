"""Nothing of a client is in a process: two processes serve one client, turn about."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from accounts.oauth.models import AppGrant
from conftest import Person
from llm.testing import FakeProvider
from notes.tests.mcp_callers import BEFORE, BOTH, CLIENT, VERSIONS, Caller, granted
from tests.faults.cluster import Cluster

SITE = "http://parley.example"


def database_url() -> str:
    """Return the address of the database that this test uses."""
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    secret = f":{found['PASSWORD']}" if found["PASSWORD"] else ""
    return f"postgres://{found['USER']}{secret}@{found['HOST']}:{found['PORT']}/{found['NAME']}"


@pytest.fixture
def processes(live: str, fake: FakeProvider, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Return the addresses of two servers over one database."""
    redis = os.environ.get("REDIS_URL", "")
    with Cluster(tmp_path, fake, database_url(), redis, SITE_URL=SITE) as cluster:
        one, two = cluster.start(2)
        yield one.url, two.url


@pytest.mark.parametrize("version", VERSIONS)
def test_two_processes_serve_one_client(alice: Person, processes: tuple[str, str], version: str) -> None:
    token = granted(alice, *BOTH, resource=f"{SITE}/mcp")
    one, two = (Caller(url, token, version) for url in processes)
    with one.http, two.http:
        if version == BEFORE:
            asked = {"protocolVersion": BEFORE, "capabilities": {}, "clientInfo": CLIENT}
            assert one.send("initialize", asked).json()["result"]["protocolVersion"] == BEFORE
        saved = two.value("save_note", content="Kept by the second")
        assert one.value("read_note", id=saved["id"])["content"] == "Kept by the second"
        assert one.value("save_note", content="Kept by the second")["created"] is False
        AppGrant.objects.filter(user_id=alice.id).update(ended_at=timezone.now())
        assert [caller.tool("list_notes").status_code for caller in (one, two)] == [401, 401]


@pytest.mark.parametrize("token", ["", "parley-at-guess"])
def test_a_server_that_nobody_may_call_has_not_loaded_the_package(live: str, token: str) -> None:
    """Start the application, refuse a stranger, and look what has been imported."""
    script = f"""
import asyncio, sys
import config.asgi
from django.test import AsyncClient

async def refused():
    sent = {{"authorization": "Bearer {token}"}}
    answer = await AsyncClient().post("/mcp", "{{}}", content_type="application/json", headers=sent)
    assert answer.status_code == 401, answer.content

asyncio.run(refused())
from common.executor import close_database
close_database()
loaded = {{name.partition(".")[0] for name in sys.modules}} & {{"mcp", "mcp_types", "starlette", "opentelemetry"}}
assert not loaded, loaded
"""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.test_settings", "DATABASE_URL": database_url()}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=environment, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
