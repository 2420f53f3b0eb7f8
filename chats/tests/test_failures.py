"""What each fault of a provider results in: one terminal state, the question kept, a retry possible."""

import uuid
from typing import Any

import pytest

from chats.models import Turn
from chats.tests.helpers import at_once, ended, fold, is_refusal, sent
from conftest import Person
from llm.testing import FakeProvider

# What the provider does, and what a client that waits is told.
BEFORE_TEXT: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "bad request": ({"status": 400}, 502, "provider_refused", "failed"),
    "wrong key": ({"status": 401}, 502, "provider_refused", "failed"),
    "no such model": ({"status": 404}, 502, "provider_refused", "failed"),
    "redirect": ({"redirect": 302}, 502, "provider_refused", "failed"),
    "no money": ({"status": 429, "error_code": "insufficient_quota"}, 502, "provider_refused", "failed"),
    "rate limit": ({"status": 429}, 503, "provider_busy", "failed"),
    "overload": ({"status": 503}, 503, "provider_busy", "failed"),
    "server error": ({"status": 500}, 503, "provider_busy", "failed"),
    "empty": ({"empty": True}, 502, "provider_empty", "failed"),
    "cut": ({"cut_after": 0}, 502, "provider_failed", "failed"),
    "ended early": ({"end_after": 0}, 502, "provider_failed", "failed"),
    "malformed": ({"malformed_after": 0}, 502, "provider_failed", "failed"),
    "filtered": ({"empty": True, "finish": "content_filter"}, 422, "blocked", "blocked"),
}


@pytest.fixture(autouse=True)
def _one_try(settings) -> None:
    settings.PROVIDER_RETRIES = 0


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
@pytest.mark.parametrize("name", BEFORE_TEXT)
def test_a_failure_before_any_text_is_a_status_with_question_and_reply(
    alice: Person, fake: FakeProvider, vendor: str, name: str
) -> None:
    script, status, code, state = BEFORE_TEXT[name]
    chat = alice.chat(model=vendor)
    fake.script(**script, repeat=1)

    answer = alice.say(chat, "Question")

    problem, stored = answer.json(), alice.messages(chat)
    assert (answer.status_code, problem["code"]) == (status, code)
    assert problem["correlation_id"] == answer.headers["X-Request-ID"]
    assert [problem["question"], problem["reply"]] == stored
    assert [row["content"] for row in stored] == ["Question", ""]
    assert stored[1]["state"] == state
    assert stored[1]["reason"]
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert "sk-" not in answer.text

    again = alice.post(f"/api/chats/{chat}/messages/{stored[1]['id']}/regenerate/")

    assert again.status_code == 201
    assert again.json()["reply"]["state"] == "complete"
    assert alice.messages(chat)[0] == stored[0]


@pytest.mark.parametrize("door", ["/prompt_gpt/", "/prompt_gemini/"])
@pytest.mark.parametrize("name", BEFORE_TEXT)
def test_the_seed_addresses_say_it_with_error(alice: Person, fake: FakeProvider, door: str, name: str) -> None:
    script, status, code, _ = BEFORE_TEXT[name]
    chat = str(uuid.uuid4())
    fake.script(**script, repeat=1)

    answer = alice.post(door, {"chat_id": chat, "content": "Question"})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["error"] == answer.json()["detail"]
    assert alice.get(f"/get_chat_messages/{chat}/").json()[0]["content"] == "Question"


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
@pytest.mark.parametrize(
    ("script", "state", "reason"),
    [
        ({"cut_after": 1}, "interrupted", "provider_broken"),
        ({"end_after": 1}, "interrupted", "provider_broken"),
        ({"malformed_after": 1}, "interrupted", "provider_broken"),
        ({"error_after": 1}, "interrupted", "provider_busy"),
    ],
    ids=["cut", "ended early", "malformed", "error"],
)
def test_a_failure_after_some_text_keeps_it(
    alice: Person, fake: FakeProvider, settings, vendor: str, script: dict, state: str, reason: str
) -> None:
    settings.PROVIDER_RETRIES = 2
    chat = alice.chat(model=vendor)
    fake.script(chunks=["Half ", "of it"], **script)

    answer = alice.say(chat, "x")

    reply = answer.json()["reply"]
    assert answer.status_code == 201
    assert (reply["content"], reply["state"], reply["reason"]) == ("Half ", state, reason)
    assert len(fake.requests()) == 1  # no retry once text was shown


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
@pytest.mark.parametrize(
    ("script", "state", "reason"),
    [
        ({"text": "Cut off", "finish": "length"}, "complete", "length"),
        ({"text": "Bad", "finish": "content_filter"}, "blocked", "content_filter"),
        ({"text": "Fine"}, "complete", "stop"),
    ],
)
def test_how_the_provider_ended_is_stored(
    alice: Person, fake: FakeProvider, vendor: str, script: dict, state: str, reason: str
) -> None:
    fake.script(**script)

    reply = alice.say(alice.chat(model=vendor), "x").json()["reply"]

    assert (reply["state"], reply["reason"], reply["content"]) == (state, reason, script["text"])


def test_a_refusal_is_a_complete_reply_with_its_own_reason(alice: Person, fake: FakeProvider) -> None:
    fake.script(refusal="I would rather not.")

    reply = alice.say(alice.chat(model="openai"), "x").json()["reply"]

    assert (reply["content"], reply["state"], reply["reason"]) == ("I would rather not.", "complete", "refusal")


def test_gemini_s_blocked_prompt_is_blocked(alice: Person, fake: FakeProvider) -> None:
    fake.script(block="SAFETY")

    answer = alice.say(alice.chat(model="gemini"), "x")

    assert (answer.status_code, answer.json()["code"]) == (422, "blocked")
    assert answer.json()["reply"]["state"] == "blocked"


def test_on_a_stream_a_failure_is_the_end_of_a_200(alice: Person, fake: FakeProvider) -> None:
    fake.script(status=400)

    events = sent(alice, alice.chat(), "x")

    assert [event.name for event in events] == ["start", "end"]
    assert events[-1].data["message"]["state"] == "failed"


def test_overload_is_tried_again_and_nobody_notices(alice: Person, fake: FakeProvider, settings) -> None:
    settings.PROVIDER_RETRIES = 2
    chat = alice.chat()
    fake.script(status=503, times=1, text="At last.")

    answer = alice.say(chat, "x")

    assert answer.json()["reply"]["content"] == "At last."
    assert len(fake.requests()) == 2
    assert Turn.objects.get(chat_id=chat).attempts == 2


def test_retry_after_is_waited_for(alice: Person, fake: FakeProvider, settings) -> None:
    settings.PROVIDER_RETRIES = 1
    fake.script(status=429, times=1, retry_after=1)

    assert alice.say(alice.chat(), "x").status_code == 201

    first, second = fake.requests()
    assert second["at"] - first["at"] >= 1


def test_a_longer_retry_after_is_not_waited_for(alice: Person, fake: FakeProvider, settings) -> None:
    settings.PROVIDER_RETRIES = 2
    fake.script(status=429, retry_after=21)

    answer = alice.say(alice.chat(), "x")

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert len(fake.requests()) == 1


def test_the_tries_are_limited(alice: Person, fake: FakeProvider, settings) -> None:
    settings.PROVIDER_RETRIES = 2
    fake.script(status=503, repeat=9)

    assert alice.say(alice.chat(), "x").status_code == 503
    assert len(fake.requests()) == 3


def test_redirects_are_never_followed(alice: Person, fake: FakeProvider) -> None:
    fake.script(redirect=307)

    alice.say(alice.chat(), "x")

    assert fake.requests("elsewhere") == []


def test_a_missing_key_of_one_vendor_affects_that_vendor_only(alice: Person, settings) -> None:
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = ""
    body = {"chat_id": str(uuid.uuid4()), "content": "x"}

    missing, works = alice.post("/prompt_gpt/", body), alice.post("/prompt_gemini/", body)

    assert (missing.status_code, missing.json()["code"]) == (503, "provider_not_configured")
    assert missing.json()["error"]
    assert works.status_code == 201
    assert next(row["content"] for row in alice.messages(body["chat_id"])) == "x"
    assert len(alice.messages(body["chat_id"])) == 2
    models = {model["name"]: model["available"] for model in alice.get("/api/models/").json()}
    assert {available for name, available in models.items() if name.startswith("openai/")} == {False}
    assert {available for name, available in models.items() if name.startswith("gemini/")} == {True}


def test_a_wrong_key_of_one_vendor_affects_that_vendor_only(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(status=401)

    wrong = alice.say(chat, "x", model="openai")
    right = alice.say(chat, "x", model="gemini")

    assert (wrong.status_code, wrong.json()["code"]) == (502, "provider_refused")
    assert right.status_code == 201


def test_a_provider_that_is_not_there_is_busy(alice: Person, settings) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"

    answer = alice.say(alice.chat(model="openai"), "x")

    assert (answer.status_code, answer.json()["code"]) == (503, "provider_busy")


def test_without_any_vendor_the_demo_answers_for_both(alice: Person, settings) -> None:
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = settings.GEMINI_API_KEY = settings.GEMINI_BASE_URL = ""
    chat = str(uuid.uuid4())

    for door in ("/prompt_gpt/", "/prompt_gemini/"):
        assert "demo" in alice.post(door, {"chat_id": chat, "content": "x"}).json()["reply"].lower()
    assert {row["provider"] for row in alice.messages(chat)[1::2]} == {"demo"}


def test_an_unknown_model_is_refused_and_nothing_is_stored(alice: Person) -> None:
    chat = alice.chat()

    answer = alice.say(chat, "x", model="openai/gpt-99")

    assert is_refusal(answer, 400)
    assert answer.json()["code"] == "unknown_model"
    assert alice.messages(chat) == []


def test_a_fault_of_one_reply_does_not_touch_another(alice: Person, bob: Person, fake: FakeProvider) -> None:
    fake.script(malformed_after=0)
    calls = [lambda: alice.say(alice.chat(), "x")]
    calls += [lambda: bob.say(bob.chat(), '!fake {"size": 300, "chunk": 10, "delay": 0.005}') for _ in range(4)]

    answers = at_once(calls)

    assert [answer.status_code for answer in answers] == [502, 201, 201, 201, 201]


# --- time -------------------------------------------------------------------------------------------------------------
def test_no_text_in_time_is_a_504(alice: Person, fake: FakeProvider, settings) -> None:
    settings.FIRST_TEXT_TIMEOUT = 0.4
    chat = alice.chat()
    fake.script(stall_after=0)

    answer = alice.say(chat, "x")

    assert (answer.status_code, answer.json()["code"]) == (504, "provider_timeout")
    assert ended(alice, chat)["state"] == "failed"
    assert fake.open == 0 or fake.requests()[0]["aborted"]


def test_silence_in_the_middle_interrupts_and_keeps_the_text(alice: Person, fake: FakeProvider, settings) -> None:
    settings.IDLE_TIMEOUT = 0.4
    fake.script(chunks=["Half ", "never"], stall_after=1)

    reply = alice.say(alice.chat(), "x").json()["reply"]

    assert (reply["state"], reply["reason"], reply["content"]) == ("interrupted", "provider_timeout", "Half ")


def test_a_reply_that_never_ends_is_ended(alice: Person, fake: FakeProvider, settings) -> None:
    settings.REPLY_TIMEOUT = 0.6
    fake.script(size=9000, chunk=1, delay=0.02)

    reply = alice.say(alice.chat(), "x").json()["reply"]

    assert (reply["state"], reply["reason"]) == ("interrupted", "reply_timeout")
    assert 0 < len(reply["content"]) < 9000


def test_a_waiting_keep_alive_of_the_provider_is_no_text(alice: Person, fake: FakeProvider, settings) -> None:
    settings.FIRST_TEXT_TIMEOUT = 0.6
    fake.script(stall_after=0, keepalive=0.1)

    assert alice.say(alice.chat(), "x").status_code == 504


# --- text that cannot be kept as it is --------------------------------------------------------------------------------
def test_a_reply_over_the_maximum_ends_there(alice: Person, fake: FakeProvider, settings) -> None:
    settings.MAX_REPLY_CHARS = 100
    chat = alice.chat()
    fake.script(size=500, chunk=7)

    events = sent(alice, chat, "x")

    reply = alice.messages(chat)[-1]
    assert (len(reply["content"]), reply["state"], reply["reason"]) == (100, "interrupted", "reply_too_long")
    assert fold(events) == reply["content"]


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
def test_surrogates_and_nul_are_repaired(alice: Person, fake: FakeProvider, vendor: str) -> None:
    chat = alice.chat(model=vendor)
    fake.script(chunks=["Text "], surrogate=True, nul=True)

    events = sent(alice, chat, "x")

    reply = alice.messages(chat)[-1]
    assert reply["content"] == "Text nul:\ufffd!😀 lone \ufffd end"
    assert fold(events) == reply["content"]
    assert reply["state"] == "complete"


def test_half_a_character_at_the_very_end_is_replaced(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(chunks=["Text \ud83d"])

    events = sent(alice, chat, "x")

    assert alice.messages(chat)[-1]["content"] == fold(events) == "Text \ufffd"
