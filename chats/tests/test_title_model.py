"""TITLE_MODEL: a model makes the title after the first turn, and nobody waits for it or suffers from it."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from chats.tests.helpers import eventually
from conftest import Person
from llm.testing import FakeProvider

QUESTION = "How do the tides come about at our coast?"
FIRST_WORDS = "How do the tides come"


@pytest.fixture(autouse=True)
def _title_model(settings) -> None:
    settings.TITLE_MODEL = "openai"
    settings.PROVIDER_RETRIES = 0


def title_of(person: Person, chat: str) -> str:
    return str(person.get(f"/api/chats/{chat}/").json()["title"])


def asked_twice(fake: FakeProvider) -> Callable[[], Any]:
    return lambda: len(fake.requests()) == 2 and fake.open == 0


def test_a_model_makes_the_title(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(text="Because of the moon.")
    fake.script(text='"Tides and the Moon,\n in six words"')
    assert alice.say(chat, QUESTION).status_code == 201
    eventually(lambda: title_of(alice, chat) == "Tides and the Moon, in")
    shown = fake.requests()[-1]["body"]["messages"][-1]["content"]
    assert QUESTION in shown
    assert "Because of the moon." in shown
    assert alice.say(chat, "And further?").status_code == 201
    time.sleep(0.3)
    assert len(fake.requests()) == 3, "one title for a chat"


def test_a_title_of_the_user_stays(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat(title="Mine")
    fake.script(text="Reply")
    fake.script(text="Another title")
    assert alice.say(chat, QUESTION).status_code == 201
    eventually(asked_twice(fake))
    time.sleep(0.3)
    assert title_of(alice, chat) == "Mine"


def test_a_title_given_meanwhile_stays(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(text="Reply")
    fake.script(text="Another title", first_delay=1)
    assert alice.say(chat, QUESTION).status_code == 201
    assert title_of(alice, chat) == FIRST_WORDS
    assert alice.http.patch(f"/api/chats/{chat}/", json={"title": FIRST_WORDS}).status_code == 200
    eventually(asked_twice(fake))
    time.sleep(0.3)
    assert title_of(alice, chat) == FIRST_WORDS


@pytest.mark.parametrize("script", [{"status": 500, "times": 9}, {"empty": True}, {"cut_after": 1}, {"text": '""'}])
def test_a_failure_is_nobody_s_business(alice: Person, fake: FakeProvider, script: dict[str, Any]) -> None:
    chat = alice.chat()
    fake.script(text="Reply")
    fake.script(**script)
    answer = alice.say(chat, QUESTION)
    assert (answer.status_code, answer.json()["reply"]["state"]) == (201, "complete")
    eventually(asked_twice(fake))
    assert title_of(alice, chat) == FIRST_WORDS


def test_without_the_setting_nothing_is_asked(alice: Person, fake: FakeProvider, settings) -> None:
    settings.TITLE_MODEL = ""
    chat = alice.chat()
    assert alice.say(chat, QUESTION).status_code == 201
    time.sleep(0.3)
    assert len(fake.requests()) == 1
    assert title_of(alice, chat) == FIRST_WORDS
