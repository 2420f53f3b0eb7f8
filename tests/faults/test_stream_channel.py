"""The bot in a Stream channel whose process dies: its message is finished by another process, or at the next start."""

import json
import re
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from chats.tests.helpers import eventually
from streamchat.testing import FakeStream, Hook
from tests.faults.cluster import Cluster, Process
from tests.faults.stores import REDIS, PostgresDatabase

CUT = re.compile(r"(The quick brown fox|.*\*The reply was interrupted here|The reply was interrupted)", re.DOTALL)
SLOW = {"size": 2000, "chunk": 5, "delay": 0.05}


@pytest.fixture
def stream() -> Iterator[FakeStream]:
    with FakeStream() as fake:
        yield fake


@pytest.fixture
def database(services: None) -> Iterator[PostgresDatabase]:
    """A database of its own: the processes of `pair`, which know no Stream, would take its tasks."""
    with PostgresDatabase() as made:
        yield made


def settings_for(stream: FakeStream, **more: Any) -> dict[str, Any]:
    return {
        "STREAM_API_KEY": stream.key, "STREAM_API_SECRET": stream.secret, "STREAM_BASE_URL": stream.url, **more
    }  # fmt: skip


def say(process: Process, cid: str, **script: Any) -> None:
    hook = Hook(f"hello\n!fake {json.dumps(script)}", cid)
    body = hook.body()
    answer = httpx.post(f"{process.url}/webhooks/stream/", content=body, headers=hook.headers(body), timeout=10)
    assert answer.status_code == 200, answer.text
    assert answer.json()["message"]["type"] == "regular"


def channel() -> str:
    return f"messaging:{uuid.uuid4().hex}"


def grown(stream: FakeStream, cid: str) -> dict[str, Any]:
    """Wait until the bot's message of a channel shows some text."""
    message = eventually(lambda: stream.messages(cid), 20)[0]
    eventually(lambda: "grow" in stream.story(message["id"]), 20)
    return message


def finished(stream: FakeStream, cid: str) -> dict[str, Any]:
    found = eventually(lambda: [each for each in stream.messages(cid) if each["custom"]["generating"] is False], 40)
    eventually(lambda: stream.story(found[0]["id"])[-1] == "clear", 20)
    return found[0]


def is_cut(text: str) -> bool:
    return CUT.match(text) is not None and "interrupted" in text


def test_a_killed_process_leaves_a_finished_message_after_the_next_start(
    cluster: Callable[..., Cluster], sqlite_url: str, stream: FakeStream
) -> None:
    made = cluster(sqlite_url, **settings_for(stream))
    (process,) = made.start()
    cid = channel()
    say(process, cid, **SLOW)
    grown(stream, cid)
    process.kill()
    process.start()
    process.wait_ready()

    message = finished(stream, cid)
    assert is_cut(message["text"]), message["text"]
    stored = made.sql("SELECT content FROM chats_message WHERE role = 'assistant'")[0][0]
    assert message["text"].startswith(stored)
    assert stream.story(message["id"])[-3:] == ["AI_STATE_ERROR", "store", "clear"]
    assert len(stream.messages(cid)) == 1


def test_another_process_finishes_the_message(
    cluster: Callable[..., Cluster], database: PostgresDatabase, stream: FakeStream
) -> None:
    made = cluster(database.url, REDIS, **settings_for(stream))
    first, second = made.start(2)
    cid = channel()
    say(first, cid, **SLOW)
    grown(stream, cid)
    first.kill()

    message = finished(stream, cid)
    assert is_cut(message["text"]), message["text"]
    assert len(stream.messages(cid)) == 1
    say(second, cid, text="Here again.")
    assert eventually(lambda: [each for each in stream.messages(cid) if each["text"] == "Here again."], 20)


def test_a_process_killed_before_it_said_anything_owes_one_message(
    cluster: Callable[..., Cluster], sqlite_url: str, stream: FakeStream
) -> None:
    made = cluster(sqlite_url, **settings_for(stream, STREAM_RETRY_SECONDS="600"))
    (process,) = made.start()
    cid = channel()
    stream.fail("send", 500, times=1000)
    say(process, cid, **SLOW)
    eventually(lambda: stream.calls("send"), 20)
    process.kill()
    stream.state.faults.clear()
    process.start()
    process.wait_ready()

    message = finished(stream, cid)
    assert is_cut(message["text"]), message["text"]
    assert len(stream.messages(cid)) == 1


def test_an_orderly_stop_finishes_the_message(
    cluster: Callable[..., Cluster], sqlite_url: str, stream: FakeStream
) -> None:
    made = cluster(sqlite_url, **settings_for(stream, SHUTDOWN_GRACE_SECONDS="0.5"))
    (process,) = made.start()
    cid = channel()
    say(process, cid, **SLOW)
    grown(stream, cid)
    process.signal(signal.SIGTERM)

    assert process.popen.wait(20) == 0
    message = finished(stream, cid)
    assert is_cut(message["text"]), message["text"]


def test_a_command_that_closes_an_account_revokes_its_tokens(
    cluster: Callable[..., Cluster], sqlite_url: str, stream: FakeStream
) -> None:
    made = cluster(sqlite_url, **settings_for(stream))
    (process,) = made.start()
    account = {"email": "ada@example.org", "password": "correct horse battery 9"}
    user_id = httpx.post(f"{process.url}/api/register/", json=account).json()["user"]["id"]

    done = made.manage("deactivate", "ada@example.org")

    assert (done.returncode, done.stderr) == (0, "")
    change = eventually(lambda: stream.calls("users_partial"))[0].body["users"][0]  # the server's own task
    assert change["id"] == f"parley-{user_id}"


def test_deliveries_to_two_processes_at_once_make_one_reply(
    cluster: Callable[..., Cluster], database: PostgresDatabase, stream: FakeStream
) -> None:
    made = cluster(database.url, REDIS, **settings_for(stream))
    processes = made.start(2)
    hook = Hook("hello", channel())
    body, answers = hook.body(), list[Any]()
    together = threading.Barrier(8)

    def deliver(process: Process) -> None:
        together.wait(10)
        answers.append(
            httpx.post(f"{process.url}/webhooks/stream/", content=body, headers=hook.headers(body), timeout=10).json()
        )

    threads = [threading.Thread(target=deliver, args=(processes[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)
    finished(stream, hook.cid)
    assert len(stream.messages(hook.cid)) == 1
    assert made.sql(
        "SELECT count(*) FROM streamchat_reply WHERE channel_id IN (SELECT id FROM streamchat_channel WHERE cid = ?)",
        hook.cid,
    ) == [(1,)]
