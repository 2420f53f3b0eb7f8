"""How many replies of one account may be made at the same time, whichever doors they are asked at."""

import uuid

from pytest_django import Settings

from chats.models import State, Turn
from chats.tests.helpers import at_once, eventually, is_refusal
from chats.tests.helpers import fake as scripted
from conftest import Person
from llm.testing import FakeProvider

HELD = scripted(chunks=["a", "b"], stall_after=1)


def begin_all(person: Person, count: int) -> list[int]:
    """Begin many turns at once, in turn over doors; return their statuses."""

    def rest() -> int:
        return person.post(f"/api/chats/{person.chat()}/messages/?wait=false", {"content": HELD}).status_code

    def ai_sdk() -> int:
        message = {"id": uuid.uuid4().hex, "role": "user", "parts": [{"type": "text", "text": HELD}]}
        body = {"id": uuid.uuid4().hex, "messages": [message]}
        with person.http.stream("POST", "/api/chat", json=body) as answer:
            return 202 if answer.status_code == 200 else answer.status_code

    return at_once([ai_sdk if index % 3 == 0 else rest for index in range(count)])


def running(person: Person) -> int:
    return Turn.objects.filter(user_id=person.id, state=State.STREAMING).count()


def test_parallel_turns_never_exceed_the_limit(alice: Person, fake: FakeProvider, settings: Settings) -> None:
    settings.TURNS_PER_USER = 4
    settings.CHAT_STATUS_SECONDS = 0.1

    statuses = begin_all(alice, 15)

    assert sorted(statuses) == [202] * 4 + [429] * 11
    assert running(alice) == 4


def test_one_that_has_ended_makes_room(alice: Person, bob: Person, fake: FakeProvider, settings: Settings) -> None:
    settings.TURNS_PER_USER = 1
    chat, other = alice.chat(), alice.chat()
    alice.post(f"/api/chats/{chat}/messages/?wait=false", {"content": HELD})

    refused = alice.say(other, "too soon")
    assert is_refusal(refused, 429)
    assert refused.json()["code"] == "too_many_turns"
    assert int(refused.headers["Retry-After"]) > 0
    assert alice.messages(other) == []
    assert bob.say(bob.chat(), "mine").status_code == 201, "each account has its own"

    alice.post(f"/api/chats/{chat}/stop/")
    eventually(lambda: running(alice) == 0)
    assert alice.say(other, "now").status_code == 201
