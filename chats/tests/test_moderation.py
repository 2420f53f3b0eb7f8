"""Moderation before every turn, through every door that starts one."""

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai  # noqa: F401  (imported now, so that no test waits for it)
import pytest

from chats.models import Chat, Message, Turn
from chats.tests.helpers import asked, events_in, eventually
from conftest import Person
from llm.moderation import Verdict
from llm.testing import FakeProvider
from usage.models import Counter

FLAGGED = "How do I [flagged] somebody?"
Door = Callable[[Person, str, str], httpx.Response]


def rest(person: Person, chat: str, text: str) -> httpx.Response:
    return person.say(chat, text)


def at_once(person: Person, chat: str, text: str) -> httpx.Response:
    return person.post(f"/api/chats/{chat}/messages/?wait=false", {"content": text})


def sse(person: Person, chat: str, text: str) -> httpx.Response:
    return person.post(f"/api/chats/{chat}/messages/", {"content": text}, headers={"Accept": "text/event-stream"})


def seed(person: Person, chat: str, text: str) -> httpx.Response:
    return person.post("/prompt_gpt/", {"chat_id": chat, "content": text})


def ai_sdk(person: Person, chat: str, text: str) -> httpx.Response:
    message = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": text}]}
    return person.post("/api/chat", {"id": chat, "messages": [message], "trigger": "submit-message"})


DOORS = [rest, at_once, sse, seed, ai_sdk]


def unstored(person: Person, chat: str, text: str) -> httpx.Response:
    key = person.post("/api/keys/", {"name": "tool"}).json()["key"]
    body = {"model": "openai", "messages": [{"role": "user", "content": text}]}
    return person.post("/v1/chat/completions", body, headers={"Authorization": f"Bearer {key}"})


class Careless:
    """A moderator that forgets what it was to return."""

    async def check(self, text: str) -> Any:
        return None


class Censor:
    """A moderator of somebody's own."""

    async def check(self, text: str) -> Verdict:
        return Verdict("forbidden" in text, ("house rules",) if "forbidden" in text else ())


@pytest.fixture(autouse=True)
def _moderated(live: str, settings: Any) -> None:
    settings.MODERATION = "on"


@pytest.mark.parametrize("door", DOORS)
def test_flagged_text_never_reaches_a_model_and_costs_nothing(
    alice: Person, fake: FakeProvider, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    chat = alice.chat()
    with caplog.at_level(logging.INFO):
        door(alice, chat, FLAGGED)

    assert [request["vendor"] for request in fake.requests()] == ["moderation"]
    reply = alice.messages(chat)[-1]
    assert (reply["state"], reply["reason"], reply["content"]) == ("blocked", "moderation", "")
    assert Turn.objects.get(reply_id=reply["id"]).category == "violence"
    assert not Counter.objects.of_user(alice.id).filter(messages__gt=0).exists()
    lines = [record.getMessage() for record in caplog.records]
    assert any("blocked by moderation: violence" in line for line in lines)
    assert not any("somebody" in line for line in lines)


def test_who_waits_and_who_reads_are_told(alice: Person) -> None:
    answer = rest(alice, alice.chat(), FLAGGED)
    assert (answer.status_code, answer.json()["code"]) == (422, "blocked")

    with alice.http.stream(
        "POST",
        f"/api/chats/{alice.chat()}/messages/",
        json={"content": FLAGGED},
        headers={"Accept": "text/event-stream"},
    ) as stream:
        assert list(events_in(stream))[-1].data["message"]["state"] == "blocked"


@pytest.mark.parametrize("door", [*DOORS, unstored])
@pytest.mark.parametrize("result", [{"categories": {"violence": True}}, {"flagged": None, "categories": {}}])
def test_what_is_no_verdict_lets_nothing_through(
    alice: Person, fake: FakeProvider, door: Door, result: dict[str, Any]
) -> None:
    fake.script(moderation={"answer": json.dumps({"results": [result]}), "repeat": 3})
    chat = alice.chat()

    assert door(alice, chat, "harmless").status_code == 503
    assert not Message.objects.filter(chat_id=chat).exists()
    assert {request["vendor"] for request in fake.requests()} == {"moderation"}


@pytest.mark.parametrize("door", [*DOORS, unstored])
def test_a_moderator_that_breaks_its_promise_lets_nothing_through(
    alice: Person, fake: FakeProvider, settings: Any, door: Door
) -> None:
    settings.MODERATOR = f"{__name__}.Careless"

    assert door(alice, alice.chat(), "harmless").status_code == 503
    assert fake.requests() == []


@pytest.mark.parametrize("door", DOORS)
def test_nothing_is_sent_or_stored_while_moderation_is_away(alice: Person, fake: FakeProvider, door: Door) -> None:
    fake.script(moderation={"status": 401, "repeat": 3})
    chat = alice.chat()
    answer = door(alice, chat, "harmless")

    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert not Message.objects.filter(chat_id=chat).exists()
    assert {request["vendor"] for request in fake.requests()} == {"moderation"}


def test_required_without_a_key_sends_nothing(alice: Person, fake: FakeProvider, settings: Any) -> None:
    settings.MODERATION, settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "required", "", ""

    assert rest(alice, alice.chat(), "harmless").status_code == 503
    assert fake.requests() == []


def test_it_may_be_told_to_let_pass_what_it_cannot_judge(alice: Person, fake: FakeProvider, settings: Any) -> None:
    settings.MODERATION_FAIL_OPEN = True
    fake.script(moderation={"status": 401, "repeat": 3})

    assert rest(alice, alice.chat(), "harmless").status_code == 201


def test_off_asks_nobody(alice: Person, fake: FakeProvider, settings: Any) -> None:
    settings.MODERATION = "off"

    assert rest(alice, alice.chat(), FLAGGED).status_code == 201
    assert [request["vendor"] for request in fake.requests()] == ["openai"]


def test_another_moderator_decides(alice: Person, fake: FakeProvider, settings: Any) -> None:
    settings.MODERATION, settings.MODERATOR = "required", f"{__name__}.Censor"
    chat = alice.chat()

    assert rest(alice, chat, "this is forbidden").status_code == 422
    assert Turn.objects.get(chat_id=chat).category == "house rules"
    assert rest(alice, chat, FLAGGED).status_code == 201
    assert [request["vendor"] for request in fake.requests()] == ["openai"]


def test_an_edited_question_is_checked_too(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    question = rest(alice, chat, "harmless").json()["question"]["id"]
    answer = alice.post(f"/api/chats/{chat}/messages/{question}/edit/", {"content": FLAGGED})

    assert answer.json()["code"] == "blocked"
    assert len(fake.requests("openai")) == 1


@pytest.mark.parametrize("where", ["chat", "turn"])
def test_a_system_text_is_checked_with_the_question(alice: Person, fake: FakeProvider, where: str) -> None:
    chat = alice.chat(settings={"system": FLAGGED if where == "chat" else "Be kind."})
    said = {"settings": {"system": FLAGGED}} if where == "turn" else {}

    answer = alice.say(chat, "harmless", **said)

    assert (answer.status_code, answer.json()["code"]) == (422, "blocked")
    assert [request["vendor"] for request in fake.requests()] == ["moderation"]
    assert Turn.objects.get(chat_id=chat).category == "violence"


def test_a_system_text_that_does_not_count_is_not_checked(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat(settings={"system": FLAGGED})

    for said in ("Be kind.", "", None):
        assert alice.say(chat, "harmless", settings={"system": said}).status_code == 201
    assert len(fake.requests("openai")) == 3


@pytest.mark.parametrize("before", [None, "Be kind."])
def test_a_chat_that_changes_while_it_is_judged_is_asked_as_it_was_judged(
    alice: Person, fake: FakeProvider, settings: Any, before: str | None
) -> None:
    chat = alice.chat(settings={"system": before})
    fake.script(moderation={"first_delay": 1})
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(alice.say, chat, "harmless")
        eventually(lambda: fake.requests("moderation"))
        Chat.objects.filter(pk=chat).update(settings={"system": FLAGGED, "temperature": 0.5})

    assert answer.result().status_code == 201
    request = fake.requests("openai")[0]
    assert asked(request)[0] == (before or settings.SYSTEM_PROMPT)
    assert request["body"]["temperature"] == 0.5
