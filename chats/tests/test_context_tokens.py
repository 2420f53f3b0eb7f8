"""A ceiling on what a provider is sent: the oldest turns are left out whole, and the timeline says so."""

from typing import Any

import pytest

from chats.tests.helpers import asked
from chats.turns.context_window import within
from conftest import Person
from llm.client.types import Prompt, PromptMessage
from llm.testing import FakeProvider

LONG = "word " * 60  # 300 bytes, 100 tokens


def last_asked(fake: FakeProvider) -> list[str]:
    return [text for _, text in asked(fake.requests()[-1])[1]]


def context_of(person: Person, chat: str) -> dict[str, Any]:
    reply = person.messages(chat)[-1]["id"]
    return dict(person.get(f"/api/chats/{chat}/messages/{reply}/timeline/").json()["context"])


@pytest.fixture
def chat(alice: Person) -> str:
    made = alice.chat(settings={"system": ""})
    for turn in range(4):
        alice.say(made, f"{turn} {LONG}")
    return made


def test_the_oldest_turns_are_left_out_whole_and_the_timeline_says_so(
    alice: Person, fake: FakeProvider, chat: str
) -> None:
    alice.say(chat, "Now?")
    everything = last_asked(fake)
    assert len(everything) == 9
    assert context_of(alice, chat) == {"left_out": 0, "reason": None}

    alice.say(chat, "And now?", settings={"max_context_tokens": 450})

    sent = last_asked(fake)
    before = [*everything, alice.messages(chat)[-3]["content"]]  # five turns
    assert len(sent) % 2 == 1
    assert sent == [*before[-len(sent) + 1 :], "And now?"]
    left_out = (len(before) - len(sent) + 1) // 2
    assert 0 < left_out < 5
    assert context_of(alice, chat) == {"left_out": left_out, "reason": "max_context_tokens"}


def test_request_over_chat_over_default(alice: Person, fake: FakeProvider, settings: Any, chat: str) -> None:
    settings.MAX_CONTEXT_TOKENS = 1
    alice.say(chat, "Default")
    assert last_asked(fake) == ["Default"]

    alice.http.patch(f"/api/chats/{chat}/", json={"settings": {"max_context_tokens": 10_000}})
    alice.say(chat, "Chat")
    assert len(last_asked(fake)) == 11

    alice.say(chat, "Request", settings={"max_context_tokens": 2})
    assert last_asked(fake) == ["Request"]
    assert context_of(alice, chat) == {"left_out": 5, "reason": "max_context_tokens"}


@pytest.mark.parametrize("value", [0, -1, 1.5, "7", True, 10**8])
def test_what_is_no_ceiling_is_refused(alice: Person, chat: str, value: Any) -> None:
    answer = alice.http.patch(f"/api/chats/{chat}/", json={"settings": {"max_context_tokens": value}})

    assert answer.status_code == 400
    assert "max_context_tokens" in answer.text


def test_what_is_gone_on_from_is_always_sent(alice: Person, fake: FakeProvider, chat: str) -> None:
    reply = alice.messages(chat)[-1]
    alice.post(f"/api/chats/{chat}/messages/{reply['id']}/continue/", {"settings": {"max_context_tokens": 1}})

    question, kept, _ = last_asked(fake)
    assert (question, kept) == (f"3 {LONG}", reply["content"])


def prompt(*messages: tuple[str, str]) -> Prompt:
    return Prompt("m", "", tuple(PromptMessage(role, text) for role, text in messages), {})  # type: ignore[arg-type]


def test_a_turn_stays_as_long_as_there_is_room_for_all_of_it() -> None:
    whole = prompt(("user", "a" * 14), ("assistant", "b" * 14), ("user", "c" * 14))
    size = 16 + 3 * 30  # the system text's frame, and three messages in theirs

    assert within(whole, -(-size // 3), 1) == (whole, 0)
    assert within(whole, size // 3 - 1, 1) == (prompt(("user", "c" * 14)), 1)
    assert within(whole, 0, 1) == (whole, 0)


def test_a_context_that_begins_with_an_answer_loses_it_first() -> None:
    whole = prompt(("assistant", "a"), ("user", "b"), ("assistant", "c"), ("user", "d"))

    assert within(whole, 27, 1) == (prompt(("user", "b"), ("assistant", "c"), ("user", "d")), 1)
    assert within(whole, 1, 1) == (prompt(("user", "d")), 2)
