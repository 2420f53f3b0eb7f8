"""What servers really send, byte for byte, and what becomes of it at the door of the API and at `/v1`."""

import json
from pathlib import Path
from typing import Any

import pytest

import llm.tests
from chats.tests.helpers import fold, sent
from conftest import Person
from llm.testing import FakeProvider

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
