"""Moderation comes before the model, and the hook waits for it only so long."""

import logging
import time
from typing import Any

import openai  # noqa: F401  (as a server that moderates has imported it at its start)
import pytest

from accounts.models import User
from chats.models import Chat, Turn
from llm.testing import FakeProvider
from streamchat.models import Channel
from streamchat.tests.conftest import Friends
from usage.models import Counter

FLAGGED = "How do I [flagged] somebody?"


@pytest.fixture(autouse=True)
def _moderated(live: str, settings: Any) -> None:
    settings.MODERATION = "on"


def test_flagged_text_is_an_error_for_its_sender_and_never_reaches_the_model(
    friends: Friends, fake: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = friends.say(FLAGGED)

    assert answer["message"]["type"] == "error"
    assert "blocked" in answer["message"]["text"]
    assert fake.requests("openai") == []
    assert friends.messages() == []
    channel = Channel.objects.get(cid=friends.cid)
    turn = Turn.objects.get(chat_id=channel.chat)
    assert (turn.state, turn.category, turn.usage_day) == ("blocked", "violence", None)
    lines = [record.getMessage() for record in caplog.records]
    assert any("blocked by moderation: violence" in line for line in lines)
    assert not any("somebody" in line for line in lines)


def test_blocked_turns_are_left_out_of_the_context(friends: Friends, fake: FakeProvider) -> None:
    friends.ask("first")
    friends.say(FLAGGED)
    friends.ask("second")

    texts = [message["content"] for message in fake.requests("openai")[-1]["body"]["messages"]]
    assert not any("flagged" in text for text in texts)
    assert "first" in texts


def test_a_late_verdict_reaches_the_channel(friends: Friends, fake: FakeProvider, settings: Any) -> None:
    settings.STREAM_HOOK_SECONDS = 1
    fake.script(moderation={"first_delay": 4})
    answer = friends.say(FLAGGED)

    assert answer["message"] == {"type": "regular", "text": f"/gpt {FLAGGED}"}
    assert "blocked" in friends.finished()[0]["text"]
    assert fake.requests("openai") == []


def test_a_late_clearance_lets_the_model_answer(friends: Friends, fake: FakeProvider, settings: Any) -> None:
    settings.STREAM_HOOK_SECONDS = 1
    fake.script(moderation={"first_delay": 4})

    assert friends.ask("harmless")["text"].startswith("You said")
    assert [request["vendor"] for request in fake.requests()] == ["moderation", "openai"]


def test_nothing_is_sent_while_moderation_is_away(friends: Friends, fake: FakeProvider) -> None:
    fake.script(moderation={"status": 400}, repeat=3)
    before = Counter.objects.count()
    answer = friends.say("harmless")

    assert answer["message"]["type"] == "error"
    assert fake.requests("openai") == []
    assert not Chat.objects.filter(pk=Channel.objects.get(cid=friends.cid).chat).exists()
    assert Counter.objects.count() == before


def test_moderation_that_never_answers_is_told_to_the_channel(
    friends: Friends, fake: FakeProvider, settings: Any
) -> None:
    settings.STREAM_HOOK_SECONDS, settings.MODERATION_TIMEOUT = 1, 3
    fake.script(moderation={"stall_after": 0}, repeat=3)
    friends.say("harmless")

    assert "could not be checked" in friends.finished()[0]["text"]
    assert fake.requests("openai") == []


def test_staff_see_blocked_turns_with_their_category(friends: Friends, client: Any) -> None:
    friends.say(FLAGGED)
    staff = User.objects.create_superuser(f"staff{time.time_ns()}@example.org", "correct horse battery 9")
    client.force_login(staff, backend="accounts.backends.EmailBackend")
    page = client.get("/admin/chats/turn/?state__exact=blocked")

    assert page.status_code == 200
    assert b"violence" in page.content
