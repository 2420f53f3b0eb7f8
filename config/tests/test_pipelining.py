"""Requests sent before the answers to earlier ones: each whole one is answered, then the one that is none."""

import json
import re

import pytest

from chats.tests.helpers import fake
from config.tests.wire import chunk, dial, everything, head
from conftest import Person

GOOD = head("/healthz", "GET")
GARBAGE = b"no request\r\n\r\n"
BROKEN_BODY = head("/api/chat", Transfer_Encoding="chunked") + chunk(b"x") + b"no chunk\r\n"


def statuses(answers: bytes) -> list[str]:
    return [found.decode() for found in re.findall(rb"HTTP/1\.1 (\d+)", answers)]


@pytest.mark.parametrize("bad", [GARBAGE, BROKEN_BODY], ids=["garbage", "broken body"])
@pytest.mark.parametrize("good", [0, 1, 3])
def test_whole_requests_before_a_bad_one_are_answered(live: str, good: int, bad: bytes) -> None:
    with dial(live) as client:
        client.sendall(GOOD * good + bad + GOOD)

        assert statuses(everything(client)) == ["200"] * good + ["400"]


@pytest.mark.parametrize("bad", [GARBAGE, BROKEN_BODY], ids=["garbage", "broken body"])
def test_a_reply_that_is_on_its_way_arrives_whole(live: str, alice: Person, bad: bytes) -> None:
    body = json.dumps({"content": fake(size=400, chunk=20, delay=0.02)}).encode()
    path = f"/api/chats/{alice.chat()}/messages/"
    asked = head(path, Authorization=f"Bearer {alice.token}", Accept="text/event-stream", Content_Length=len(body))
    with dial(live) as client:
        client.sendall(asked + body)
        answers = client.recv(100)
        client.sendall(GOOD + bad)
        answers += everything(client)

    assert statuses(answers) == ["200", "200", "400"]
    assert b"event: end" in answers


def test_too_large_headers_are_refused_after_the_answers_before_them(live: str) -> None:
    with dial(live) as client:
        client.sendall(GOOD + b"GET / HTTP/1.1\r\nX: ")
        client.sendall(b"x" * 2**20)  # however much of it is read at once

        assert statuses(everything(client)) == ["200", "431"]
