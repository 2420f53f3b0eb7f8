"""Reasoning: how long it took, folded on the page while it streams, and never the answer."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from chats.models import Message
from chats.tests.helpers import fake, sent
from chats.tests.test_page_socket import DONE, new_id, open_page, sign_in
from chats.turns.thinking import ThinkingTime
from conftest import Person
from llm.testing import FakeProvider

__all__ = ["open_page", "sign_in"]
THINK = {"reasoning": "Let me see.", "text": "The answer.", "first_delay": 1.3}  # which comes after the reasoning


@pytest.mark.parametrize("model", ["openai", "gemini"])
def test_a_message_says_how_long_was_thought(alice: Person, model: str) -> None:
    chat = alice.chat()

    end = sent(alice, chat, fake(**THINK), model=model)[-1].data["message"]
    stored = alice.messages(chat)[-1]

    for message in (end, stored):
        assert [part["type"] for part in message["parts"]] == ["reasoning", "text"]
        assert 1.2 <= message["parts"][0]["seconds"] < 5
        assert "seconds" not in message["parts"][1]
        assert (message["reasoning"], message["content"]) == ("Let me see.", "The answer.")
    assert Message.objects.get(pk=stored["id"]).parts is None  # nothing more is stored of how it is laid out


def test_a_reply_without_any_has_no_seconds(alice: Person) -> None:
    reply = alice.say(alice.chat(), "Hello").json()["reply"]

    assert Message.objects.get(pk=reply["id"]).reasoning_seconds is None


def test_a_continued_reply_keeps_those_of_its_beginning(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(chunks=["One, ", "never"], reasoning="First.", first_delay=0.3, cut_after=1)
    first = alice.say(chat, "Count.").json()["reply"]
    fake.script(text="two.", reasoning="Second.")

    again = alice.post(f"/api/chats/{chat}/messages/{first['id']}/continue/").json()["reply"]

    assert [part["type"] for part in again["parts"]] == ["reasoning", "text", "reasoning", "text"]
    assert again["parts"][0]["seconds"] == first["parts"][0]["seconds"] >= 0.2
    assert again["parts"][2]["seconds"] < 0.3


def test_a_stopwatch_for_parts() -> None:
    time = ThinkingTime([1.5, None], 2)
    time.begin(10, goes_on=True)  # with the part that nobody has timed
    time.end(12)
    time.end(13)
    time.begin(20, goes_on=False)
    time.begin(21, goes_on=True)
    time.end(23)

    assert time.seconds == [1.5, 2, 3]
    assert ThinkingTime(None, 0).seconds is None
    assert ThinkingTime([1, 2], 1).seconds == [1]
    assert ThinkingTime(None, 2).seconds == [None, None]


def test_the_page_shows_it_folded_with_its_seconds(alice: Person, open_page: Callable[..., Any]) -> None:
    chat = new_id()
    page = open_page(alice, chat)
    page.send(message=fake(**THINK), key="k1")

    frames = page.until("Let me see.", "Thought for", ">The answer.", DONE)

    joined = "".join(frames)
    assert re.search(r'<details class="why">\s*<summary><span id="m-[0-9a-f-]+-thinking">Thinking…</span>', joined)
    assert not re.search("<details class=.why.[^>]*open", joined)
    assert re.search(r'<span id="m-[0-9a-f-]+-thinking" hx-swap-oob="innerHTML">Thought for 1 s</span>', joined)
    assert joined.index("Let me see.") < joined.index("Thought for") < joined.rindex(">The answer.")


def test_the_page_shows_it_folded_later_too(alice: Person, sign_in: Callable[[Person], Any]) -> None:
    chat = alice.chat()
    alice.say(chat, fake(**THINK))

    html = sign_in(alice).get(f"/chats/{chat}/").content.decode()

    assert re.search(r'<details class="why">\s*<summary><span id="m-[0-9a-f-]+-thinking">Thought for 1 s</span>', html)
    Message.objects.filter(chat=chat).update(reasoning_seconds=None)
    assert ">Thoughts</span>" in sign_in(alice).get(f"/chats/{chat}/").content.decode()
