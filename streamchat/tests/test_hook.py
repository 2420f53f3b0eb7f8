"""What the hook takes, what it refuses, and that one event has one effect."""

import json
from typing import Any

import httpx
import pytest

from chats.tests.helpers import at_once, eventually, is_refusal
from llm.testing import FakeProvider
from streamchat.testing.hooks import packed, signature
from streamchat.tests.conftest import Friends, scripted


def nothing_happened(friends: Friends, fake: FakeProvider) -> bool:
    """Tell whether a hook had no effect; a command that has one is sent after it, to know when to look."""
    friends.ask("after it", cid="messaging:other", command="gpt")
    texts = [call["body"]["messages"][-1]["content"] for call in fake.requests("openai")]
    return texts == ["after it"] and friends.messages() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Signature": "0" * 64},
        {"X_Signature": ""},
        {"X_Signature": "é" * 64},
        {"X_Api_Key": "another-key"},
        {"X_Api_Key": ""},
    ],
)
def test_a_wrong_signature_or_key_has_no_effect(friends: Friends, fake: FakeProvider, headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = friends.deliver(friends.hook("hello"), **raw)  # type: ignore[arg-type]

    assert is_refusal(answer, 401)
    assert answer.json()["code"] == "signature_invalid"
    assert nothing_happened(friends, fake)


def test_a_missing_signature_has_no_effect(friends: Friends, fake: FakeProvider) -> None:
    hook = friends.hook("hello")
    answer = friends.http.post("/webhooks/stream/", content=hook.body(), headers={"X-Api-Key": friends.stream.key})

    assert is_refusal(answer, 401)
    assert nothing_happened(friends, fake)


def test_one_changed_byte_is_noticed(friends: Friends, fake: FakeProvider) -> None:
    hook = friends.hook("hello")
    answer = friends.deliver(hook, hook.body().replace(b"hello", b"hallo"))

    assert is_refusal(answer, 401)
    assert nothing_happened(friends, fake)


def test_a_packed_body_is_signed_unpacked(friends: Friends) -> None:
    hook = friends.hook("hello")
    answer = friends.deliver(hook, packed(hook.body()))

    assert answer.status_code == 200
    assert friends.finished()


@pytest.mark.parametrize("body", [b"\x1f\x8b", b"\x1f\x8b\x08broken", packed(b"{}")[:-4], packed(b"{}") * 2])
def test_a_broken_package_is_refused(friends: Friends, body: bytes) -> None:
    answer = friends.deliver(friends.hook("hello"), body, X_Signature=signature(b"{}"))

    assert is_refusal(answer, 401)


def test_a_package_that_swells_is_refused(friends: Friends, settings: Any) -> None:
    swelling = b" " * (settings.MAX_BODY_BYTES + 1)
    answer = friends.deliver(friends.hook("hello"), packed(swelling), X_Signature=signature(swelling))

    assert is_refusal(answer, 413)


def test_a_body_that_is_too_large_is_refused(friends: Friends, settings: Any) -> None:
    answer = friends.deliver(friends.hook("hello"), b" " * (settings.MAX_BODY_BYTES + 1))

    assert is_refusal(answer, 413)


def test_what_is_signed_but_no_json_is_refused(friends: Friends) -> None:
    for body in (b"", b"not json", b"[]", b'"text"', b"\xff", b"[" * 3000):
        assert is_refusal(friends.deliver(friends.hook(""), body, X_Signature=signature(body)), 400)


@pytest.mark.parametrize(
    "change",
    [
        {"message": None},
        {"message": []},
        {"user": None},
        {"user": {"id": 7}},
        {"user": {"id": "nul\0"}},
        {"cid": None},
        {"cid": "no-colon"},
        {"cid": "messaging:../../app"},
        {"cid": "messaging:" + "x" * 300},
        {"parent_id": 7},
        {"parent_id": "x" * 300},
        {"parent_id": "\ud800"},
    ],
)
def test_what_cannot_be_a_command_is_refused(friends: Friends, change: dict[str, Any]) -> None:
    body = json.loads(friends.hook("hello").body())
    for name, value in change.items():
        (body if name in body else body["message"])[name] = value
    raw = json.dumps(body).encode()

    assert is_refusal(friends.deliver(friends.hook(""), raw, X_Signature=signature(raw)), 400)


@pytest.mark.parametrize(
    "change",
    [
        {"command": "giphy"},
        {"command": None},
        {"command": ["gpt"]},
        {"command": ""},
        *({"ai_generated": value} for value in (True, None, 0, 1, "", "true", "false", [], [True], {})),
    ],
)
def test_what_is_not_for_the_bot_is_left_untouched(friends: Friends, fake: FakeProvider, change: Any) -> None:
    assert friends.say("hello", values=change) == {}
    assert nothing_happened(friends, fake)


def test_the_bot_does_not_hear_itself(friends: Friends, fake: FakeProvider) -> None:
    assert friends.say("/gpt hello", user="parley-bot") == {}
    assert nothing_happened(friends, fake)


@pytest.mark.parametrize("args", ["", "   ", None, 7, ["hello"]])
def test_a_command_without_a_question_is_an_error_for_its_sender(
    friends: Friends, fake: FakeProvider, args: Any
) -> None:
    answer = friends.say("", values={"args": args})

    assert answer["message"]["type"] == "error"
    assert "/gpt" in answer["message"]["text"]
    assert nothing_happened(friends, fake)


@pytest.mark.parametrize("args", ["nul \0", "half \ud800 a pair", "x" * 300_000])
def test_what_cannot_be_kept_is_an_error_for_its_sender(friends: Friends, fake: FakeProvider, args: str) -> None:
    assert friends.say(args)["message"]["type"] == "error"
    assert nothing_happened(friends, fake)


def test_a_second_delivery_changes_nothing_and_is_answered_alike(friends: Friends, fake: FakeProvider) -> None:
    hook = friends.hook("hello")
    first, second = friends.deliver(hook), friends.deliver(hook, attempt=2)
    friends.finished()
    third = friends.deliver(hook, packed(hook.body()), attempt=3)

    assert first.json() == second.json() == third.json()
    friends.ask("something else")
    assert [call["body"]["messages"][-1]["content"] for call in fake.requests("openai")] == ["hello", "something else"]
    assert len(friends.messages()) == 2


def test_deliveries_at_the_same_moment_make_one_reply(friends: Friends, fake: FakeProvider) -> None:
    hook = friends.hook("hello")
    answers = at_once([lambda: friends.deliver(hook) for _ in range(6)])

    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json() == answers[0].json() for answer in answers)
    friends.finished()
    friends.ask("something else")
    assert len(fake.requests("openai")) == 2
    assert len(friends.messages()) == 2


def test_the_same_words_under_another_id_are_the_same_event(friends: Friends, fake: FakeProvider) -> None:
    """A signature does not cover the headers: who has caught a body must not be able to use it again."""
    hook = friends.hook("hello")
    friends.deliver(hook)
    friends.finished()
    friends.deliver(hook, X_Webhook_Id="another")
    friends.ask("something else")

    assert len(fake.requests("openai")) == 2


def test_a_webhook_without_an_id_counts_once_too(friends: Friends, fake: FakeProvider) -> None:
    hook = friends.hook("hello")
    for _ in range(2):
        assert friends.deliver(hook, X_Webhook_Id="").status_code == 200
    friends.finished()
    friends.ask("something else")

    assert len(fake.requests("openai")) == 2


def test_who_is_busy_asks_to_come_again(friends: Friends, fake: FakeProvider) -> None:
    friends.say(scripted(text="slow", first_delay=3))
    eventually(friends.messages)
    answer = friends.say("me too")["message"]

    assert answer["type"] == "ephemeral"
    buttons = {each["value"]: each for each in answer["attachments"][0]["actions"]}
    assert set(buttons) == {"retry", "cancel"}
    shown = {"text": answer["text"], "type": "ephemeral", "attachments": answer["attachments"]}
    again = friends.say("me too", values=shown, form_data={"action": "retry"})["message"]
    assert again["type"] == "ephemeral"
    friends.finished()
    last = friends.say("me too", values=shown, form_data={"action": "retry"})["message"]
    assert last == {"type": "regular", "text": "/gpt me too", "attachments": []}
    friends.finished(2)
    assert fake.requests("openai")[-1]["body"]["messages"][-1]["content"] == "me too"


def test_cancel_drops_the_message(friends: Friends, fake: FakeProvider) -> None:
    assert friends.say("hello", form_data={"action": "cancel"}) == {"message": None}
    assert nothing_happened(friends, fake)


def test_it_does_not_exist_where_stream_is_not_set_up(friends: Friends, settings: Any) -> None:
    settings.STREAM_API_SECRET = ""

    assert is_refusal(friends.deliver(friends.hook("hello")), 404)


def test_it_takes_posts_only_and_both_spellings(friends: Friends) -> None:
    answer = friends.http.get("/webhooks/stream")
    assert is_refusal(answer, 405)
    assert "POST" in answer.headers["Allow"]
    hook = friends.hook("hello")
    answer = friends.http.post("/webhooks/stream", content=hook.body(), headers=hook.headers(hook.body()))
    assert answer.status_code == 200
    assert friends.finished()


def test_a_stranger_who_says_nothing_is_refused(live: str, stream: Any) -> None:
    assert is_refusal(httpx.post(f"{live}/webhooks/stream/"), 401)
