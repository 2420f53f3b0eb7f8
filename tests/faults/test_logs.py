"""What an operator reads: the start, and a process that died."""

import json
import os
import re
import signal
from collections.abc import Callable

import httpx

from chats.tests.helpers import eventually
from tests.faults.cluster import Cluster
from tests.faults.stores import REDIS, PostgresDatabase


def test_the_start_and_a_process_that_is_replaced_are_logged(
    cluster: Callable[..., Cluster], database: PostgresDatabase
) -> None:
    (parent,) = cluster(database.url, REDIS, WEB_CONCURRENCY=2).start()
    ready = re.compile(r"INFO parley\.server \[-\] process (\d+) takes requests")
    eventually(lambda: len(ready.findall(parent.tail())) == 2)
    os.kill(victim := int(ready.findall(parent.tail())[0]), signal.SIGKILL)
    eventually(lambda: len(ready.findall(parent.tail())) == 3)
    new = ready.findall(parent.tail())[2]

    assert f"WARNING parley.server [-] process {victim} ended (-9); {new} takes its place" in parent.tail()
    assert re.search(
        r"INFO parley\.server \[-\] Parley \S+ starts: .* PostgreSQL \d+.*, Redis yes, 2 process", parent.tail()
    )


def test_json_lines_have_one_name_from_request_to_provider_and_task(
    cluster: Callable[..., Cluster], sqlite_url: str
) -> None:
    (process,) = cluster(sqlite_url, LOG_FORMAT="json", LOG_LEVEL="DEBUG", EMAIL_URL="smtp://127.0.0.1:1").start()

    def line(text: str) -> dict[str, str]:
        """Return the line that contains a text, once it is there."""
        found = (each for each in process.tail().splitlines() if text in each)
        return json.loads(eventually(lambda: next((each for each in found), "")))

    body = {"email": "json@example.org", "password": (password := "correct horse battery 9")}
    registered = httpx.post(f"{process.url}/api/register/", json=body)
    headers = {"Authorization": f"Bearer {registered.json()['access']}"}
    chat = httpx.post(f"{process.url}/api/chats/", json={}, headers=headers).json()["id"]
    url = f"{process.url}/api/chats/{chat}/messages/"
    asked = httpx.post(url, json={"content": 'a secret\n!fake {"status": 400}'}, headers=headers, timeout=30)

    task, call, failed = line("failed, trying again"), line("asking openai"), line("provider_refused")
    assert task["correlation_id"] == registered.headers["X-Request-ID"]
    assert call["correlation_id"] == failed["correlation_id"] == asked.headers["X-Request-ID"]
    assert task.keys() == {"time", "level", "logger", "correlation_id", "message"}
    secrets = (password, headers["Authorization"].split()[1], "sk-test", "a secret")
    assert [each for each in secrets if each in process.log.read_text()] == []
