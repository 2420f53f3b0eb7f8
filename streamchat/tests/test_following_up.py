"""A follow-up knows the answer that it follows, and the bot can be stopped from the channel."""

import json
from typing import Any

import pytest

from chats.tests.helpers import eventually
from conftest import Person
from llm.testing import FakeProvider
from streamchat.testing.hooks import signature
from streamchat.tests.conftest import Friends, scripted


def heard(fake: FakeProvider) -> list[str]:
    """Return what people said, as the model was told last."""
    return [each["content"] for each in fake.requests("openai")[-1]["body"]["messages"] if each["role"] == "user"]


def test_a_thread_under_an_answer_goes_on_from_it(friends: Friends, fake: FakeProvider) -> None:
    answer = friends.ask("Who was Ada?")
    friends.ask("Something else.")

    friends.ask("Where was she born?", values={"parent_id": answer["id"]})
    assert heard(fake) == ["Who was Ada?", "Where was she born?"]
    friends.ask("And when?", values={"parent_id": answer["id"]})
    assert heard(fake) == ["Who was Ada?", "Where was she born?", "And when?"]
    friends.ask("Back in the channel.")
    assert heard(fake) == ["Who was Ada?", "Something else.", "Back in the channel."]


def test_a_quoted_answer_is_what_is_asked_about(friends: Friends, fake: FakeProvider) -> None:
    answer = friends.ask("Who was Ada?")
    friends.ask("Something else.")

    friends.ask("Where was she born?", values={"quoted_message_id": answer["id"]})

    assert heard(fake) == ["Who was Ada?", "Where was she born?"]


@pytest.mark.parametrize("name", ["parley-00000000-0000-7000-8000-000000000000", "parley-x", "else", "\0"])
@pytest.mark.parametrize("member", ["parent_id", "quoted_message_id"])
def test_other_ids_name_no_answer(friends: Friends, fake: FakeProvider, member: str, name: str) -> None:
    friends.ask("First.")
    answer = friends.deliver(friends.hook("Second.", values={member: name}))

    assert answer.status_code == (400 if "\0" in name else 200)


def test_an_answer_of_another_channel_is_not_known(friends: Friends, fake: FakeProvider) -> None:
    answer = friends.ask("A secret.", cid="messaging:elsewhere")
    friends.ask("What was it?", values={"parent_id": answer["id"]})

    assert heard(fake) == ["What was it?"]


def event(friends: Friends, user: str, **values: Any) -> int:
    """Deliver the event that the stop button of Stream's UI kits sends."""
    body = json.dumps({"type": "ai_indicator.stop", "cid": friends.cid, "user": {"id": user}, **values}).encode()
    return friends.deliver(friends.hook(""), body, X_Signature=signature(body)).status_code


@pytest.mark.parametrize("thread", ["", "thread"])
def test_the_stop_button_stops_the_bot_for_who_asked(friends: Friends, thread: str) -> None:
    friends.say(scripted(size=5000, chunk=5, delay=0.05), values={"parent_id": thread} if thread else {})
    eventually(lambda: friends.stream.calls("grow"))

    assert event(friends, "bob") == 200
    assert event(friends, "ada") == 200

    assert friends.finished()[0]["text"].endswith("*Stopped.*")
    assert event(friends, "ada") == 200  # too late, and nothing happens


def test_a_stop_must_be_signed_and_name_a_channel(friends: Friends, alice: Person) -> None:
    body = json.dumps({"type": "ai_indicator.stop", "cid": friends.cid, "user": {"id": "ada"}}).encode()

    assert friends.deliver(friends.hook(""), body, X_Signature="0" * 64).status_code == 401
    assert event(friends, "ada", cid="nowhere") == 400
    assert event(friends, "nul\0") == 400


def test_the_last_indicators_are_insisted_on(friends: Friends) -> None:
    friends.stream.fail("event", 500, times=4)
    message = friends.ask(scripted(status=400))

    states = [
        (call.status, (call.body["event"].get("custom") or {}).get("ai_state", "clear"))
        for call in friends.stream.calls("event")
    ]
    assert message["text"] == "The model could not answer. Try again later."
    assert [state for status, state in states if status < 400] == ["AI_STATE_ERROR", "clear"]
