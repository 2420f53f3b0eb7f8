"""What servers really send, byte for byte, and what becomes of it at the door of the API and at `/v1`."""

import json
from pathlib import Path
from typing import Any

import pytest

import llm.tests
from chats.tests.helpers import fold, sent
from conftest import Person
from llm.testing import FakeProvider
from llm.tests import frames

Case = dict[str, Any]
CASES: list[Case] = json.loads((Path(llm.tests.__file__).parent / "data" / "upstream.json").read_text())


@pytest.fixture(params=CASES, ids=[case["id"] for case in CASES])
def case(request: pytest.FixtureRequest, fake: FakeProvider, live: str) -> Case:
    """Return a case whose answers are queued."""
    case: Case = request.param
    for each in case.get("responses", [case]):
        kind = each.get("headers", {}).get("Content-Type", "text/event-stream")
        fake.script(answer="\n".join(each["body"]), content_type=kind)
    return case


def test_a_stored_reply_is_what_was_sent(case: Case, alice: Person, fake: FakeProvider) -> None:
    expected, chat = case["expect"], alice.chat(model=case.get("door", "openai"))

    events = sent(alice, chat, "Question")

    reply = alice.messages(chat)[-1]
    assert reply["content"] == expected["content"]
    assert reply["state"] == expected["state"]
    assert reply["reason"] == expected.get("reason", reply["reason"])
    assert reply["reason"] != expected.get("reason_not")
    assert reply["reasoning"] == expected.get("reasoning", reply["reasoning"])
    assert len(fake.requests()) == expected.get("requests", 1)
    if "tokens" in expected:
        assert [reply["tokens"]["prompt"], reply["tokens"]["completion"]] == expected["tokens"]
    assert fold(events) == reply["reasoning"] + reply["content"]
    assert events[-1].data["message"] == reply


def test_without_storing_only_a_whole_reply_is_one(case: Case, alice: Person) -> None:
    expected = case["expect"]
    key = alice.post("/api/keys/", {"name": "k"}).json()["key"]
    body = {"model": case.get("door", "openai"), "messages": [{"role": "user", "content": "Question"}]}

    answer = alice.post("/v1/chat/completions", body, headers={"Authorization": f"Bearer {key}"})

    if expected["state"] != "complete":
        assert answer.status_code in (502, 503)
        return
    choice = answer.json()["choices"][0]
    assert (answer.status_code, choice["message"]["content"]) == (200, expected["content"])
    assert choice["finish_reason"] == ("length" if expected.get("reason") == "length" else "stop")


# --- what no case file has, at the doors ------------------------------------------------------------------------------
NAMES = ["m" * 300, "a\0b", "\ud800", "\ud83d\ude00" * 150, "", 7, None, ["m"]]
COUNTS = [-12, 2**31, 2**63, 10**30, 1.5, "7", True, None, [1], float("nan")]


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
@pytest.mark.parametrize("field", ["model", "count"])
def test_odd_fields_lose_no_reply_at_any_door(alice: Person, fake: FakeProvider, vendor: str, field: str) -> None:
    headers = {"Authorization": f"Bearer {alice.post('/api/keys/', {'name': 'k'}).json()['key']}"}
    name, usage, counts = ("modelVersion", "usageMetadata", ("promptTokenCount", "candidatesTokenCount"))
    if vendor == "openai":
        name, usage, counts = "model", "usage", ("prompt_tokens", "completion_tokens")
    for odd in NAMES if field == "model" else COUNTS:
        last = {name: odd} if field == "model" else {usage: {counts[0]: 7, counts[1]: odd}}
        fake.script(answer=frames.reply(vendor, **last), repeat=3)
        chat = alice.chat(model=vendor)

        events = sent(alice, chat, "Question")
        body = {"model": vendor, "messages": [{"role": "user", "content": "Question"}]}
        answers = [
            alice.post("/v1/chat/completions", {**body, **more}, headers=headers) for more in ({}, {"store": True})
        ]

        reply = alice.messages(chat)[-1]
        assert (reply["content"], reply["state"], reply["reason"]) == ("Whole answer.", "complete", "stop"), odd
        assert events[-1].data["message"] == reply
        assert 0 < len(reply["model"]) <= 200
        for answer in answers:
            assert (answer.status_code, answer.json()["choices"][0]["message"]["content"]) == (200, "Whole answer."), (
                odd
            )


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
def test_thoughts_alone_are_a_failure(alice: Person, fake: FakeProvider, vendor: str) -> None:
    chat = alice.chat(model=vendor)
    for finish in ("stop", "length"):
        fake.script(reasoning="Let me think.", empty=True, finish=finish)

        answer = alice.say(chat, "Question")

        reply = alice.messages(chat)[-1]
        assert (answer.status_code, answer.json()["code"]) == (502, "provider_empty")
        assert (reply["state"], reply["reason"], reply["reasoning"]) == ("failed", "provider_empty", "Let me think.")


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
@pytest.mark.parametrize("finish", ["abort", "LANGUAGE", "whatever"])
def test_an_end_that_nobody_knows_is_not_complete(alice: Person, fake: FakeProvider, vendor: str, finish: str) -> None:
    chat = alice.chat(model=vendor)
    fake.script(text="Half an ans", finish=finish)

    answer = alice.say(chat, "Question")

    reply = alice.messages(chat)[-1]
    assert (answer.status_code, reply["state"], reply["reason"]) == (201, "interrupted", "provider_broken")
    assert reply["content"] == "Half an ans"
    assert reply["tokens"]["completion"]


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
def test_one_event_may_hold_the_longest_reply(alice: Person, fake: FakeProvider, vendor: str) -> None:
    for size, state, reason in ((900_000, "complete", "stop"), (1_200_000, "interrupted", "reply_too_long")):
        chat = alice.chat(model=vendor)
        fake.script(size=size, chunk=size)

        alice.say(chat, "Question")

        reply = alice.messages(chat)[-1]
        assert (reply["state"], reply["reason"], len(reply["content"])) == (state, reason, min(size, 1_000_000))


def test_one_event_may_not_be_larger_than_any_reply(alice: Person, fake: FakeProvider, settings) -> None:
    settings.MAX_REPLY_CHARS = 1000
    chat = alice.chat()
    big = frames.openai({"content": "x" * 3_000_000})
    fake.script(answer=frames.openai({"content": "Before. "}) + big, segment=100_000)

    alice.say(chat, "Question")

    reply = alice.messages(chat)[-1]
    assert (reply["content"], reply["state"], reply["reason"]) == ("Before. ", "interrupted", "reply_too_long")
