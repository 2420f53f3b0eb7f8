"""What is logged about a turn has the correlation id of the request, frame or socket that began it."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from chats.tests.helpers import SSE, eventually, fake
from chats.tests.test_sockets import Open, open_socket
from common.logs import CorrelationFilter
from conftest import Person

__all__ = ["open_socket"]


class Lines(logging.Handler):
    """Keeps `(logger, correlation id, text)` of what our loggers say."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(CorrelationFilter())
        self.found: list[tuple[str, str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append((record.name, record.correlation_id, record.getMessage()))  # type: ignore[attr-defined]

    def about(self, text: str) -> list[str]:
        """Return the ids of the lines that contain a text."""
        return [name for _, name, said in self.found if text in said]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    logging.getLogger("parley").addHandler(handler)
    yield handler
    logging.getLogger("parley").removeHandler(handler)


def test_the_runner_logs_under_its_request(alice: Person, lines: Lines) -> None:
    chats = [alice.chat() for _ in range(3)]
    answers = [alice.say(chat, fake(text="x", status=400)) for chat in chats]

    assert lines.about("provider_") == [answer.headers["X-Request-ID"] for answer in answers]


def test_turns_that_are_committed_together_keep_their_names(person: Callable[[], Person], lines: Lines) -> None:
    """On SQLite one transaction may record them all."""
    from concurrent.futures import ThreadPoolExecutor

    people = [person() for _ in range(8)]
    chats = [one.chat() for one in people]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one, chat: one.say(chat, fake(text="x", status=400)), people, chats))

    assert sorted(lines.about("provider_")) == sorted(answer.headers["X-Request-ID"] for answer in answers)


def test_a_frame_is_the_sockets_name_with_a_number(alice: Person, open_socket: Open, lines: Lines) -> None:
    socket = open_socket(alice)
    for _ in range(2):
        socket.tell("send", chat=alice.chat(), content=fake(text="x", status=400))
        socket.until("end")
    eventually(lambda: len(lines.about("provider_")) == 2)
    (first, one), (second, two) = (name.split(".") for name in lines.about("provider_"))

    assert first == second
    assert int(two) == int(one) + 1


@pytest.mark.parametrize(
    ("proxies", "told", "is_kept"),
    [
        (1, "0af7651916cd43dd8448eb211c80319c", True),
        (1, "web-1.Req_42", True),
        (1, "x" * 64, True),
        (1, "x" * 65, False),
        (1, "two words", False),
        (1, "line\\nbreak", False),
        (1, "", False),
        (0, "web-1.Req_42", False),
    ],
)
def test_the_name_a_trusted_proxy_gives_is_kept(
    live: str, settings: Any, proxies: int, told: str, is_kept: bool
) -> None:
    settings.TRUSTED_PROXIES = proxies
    answer = httpx.get(f"{live}/api/nowhere", headers={"X-Request-ID": told})

    assert (answer.headers["X-Request-ID"] == told) is is_kept
    assert answer.json()["correlation_id"] == answer.headers["X-Request-ID"]


def test_a_reader_who_leaves_is_no_error(alice: Person, lines: Lines) -> None:
    chat = alice.chat()
    body = {"content": fake(text="one two", delay=0.05, chunk=1)}
    with alice.http.stream("POST", f"/api/chats/{chat}/messages/", json=body, headers=SSE) as stream:
        next(stream.iter_raw())
    eventually(lambda: alice.messages(chat)[-1]["state"] == "complete")

    assert [line for line in lines.found if line[0] != "parley.http"] == []


def test_a_forwarded_model_is_logged(alice: Person, lines: Lines, settings: Any) -> None:
    settings.MODEL_ALIASES = {"openai/old-name": "openai/gpt-6-luna"}
    answer = alice.say(alice.chat(), fake(text="x"), model="openai/old-name")

    assert lines.about("old-name is answered by") == [answer.headers["X-Request-ID"]]


def test_a_refusal_for_the_quota_is_logged(alice: Person, lines: Lines, settings: Any) -> None:
    settings.DAILY_MESSAGES = 1
    chat = alice.chat()
    alice.say(chat, fake(text="x"))
    refused = alice.say(chat, fake(text="x"))

    assert refused.json()["code"] == "quota_exceeded"
    assert lines.about(f"user:{alice.id} ") == [refused.headers["X-Request-ID"]]
    assert json.dumps(lines.found).count("quota") == 1
