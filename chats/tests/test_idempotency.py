"""An Idempotency-Key makes posting repeatable: one message, one provider call, for one user."""

import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from chats.models import Chat, Turn
from chats.tests.helpers import at_once, fold, is_refusal, sent
from conftest import Person
from llm.testing import FakeProvider


def send(person: Person, chat: str, content: str, key: str, **kwargs: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key}
    return person.post(f"/api/chats/{chat}/messages/", {"content": content}, headers=headers, **kwargs)


def test_the_same_key_and_content_is_the_same_message(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()

    first, second = (send(alice, chat, "x", "key") for _ in range(2))

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert len(fake.requests()) == 1
    assert len(alice.messages(chat)) == 2


def test_it_holds_on_every_door_of_turns(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    reply = alice.say(chat, "x").json()["reply"]
    for path, body in [
        ("/prompt_gpt/", {"chat_id": str(uuid.uuid4()), "content": "x"}),
        ("/prompt_gemini/", {"chat_id": str(uuid.uuid4()), "content": "x"}),
        (f"/api/chats/{chat}/messages/{reply['id']}/regenerate/", {}),
        (f"/api/chats/{chat}/messages/{reply['id']}/continue/", {}),
        (f"/api/chats/{chat}/messages/{reply['parent']}/edit/", {"content": "y"}),
    ]:
        before = len(fake.requests())
        answers = [alice.post(path, body, headers={"Idempotency-Key": path}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].json() == answers[1].json()
        assert len(fake.requests()) == before + 1


def test_a_repetition_may_be_streamed(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    first = send(alice, chat, "x", "key").json()["reply"]["content"]

    events = sent(alice, chat, "x", headers={"Idempotency-Key": "key"})

    assert fold(events) == first
    assert len(fake.requests()) == 1


@pytest.mark.parametrize("change", ["content", "chat", "model", "door"])
def test_the_same_key_for_something_else_is_refused(alice: Person, change: str) -> None:
    chat = alice.chat()
    send(alice, chat, "x", "key")
    reply = alice.messages(chat)[-1]["id"]
    path, body = {
        "content": (f"/api/chats/{chat}/messages/", {"content": "y"}),
        "chat": (f"/api/chats/{alice.chat()}/messages/", {"content": "x"}),
        "model": (f"/api/chats/{chat}/messages/", {"content": "x", "model": "gemini"}),
        "door": (f"/api/chats/{chat}/messages/{reply}/regenerate/", {}),
    }[change]

    refused = alice.post(path, body, headers={"Idempotency-Key": "key"})

    assert is_refusal(refused, 422)
    assert refused.json()["code"] == "idempotency_key_reused"
    assert len(alice.messages(chat)) == 2


def test_keys_of_different_users_never_meet(alice: Person, bob: Person) -> None:
    for person in (alice, bob):
        assert send(person, person.chat(), "x", "key").status_code == 201


@pytest.mark.parametrize("key", ["k", "k" * 255, "ключ".encode().decode("latin-1"), " inner space ".strip(), "'\"%;--"])
def test_any_printable_key_will_do(alice: Person, key: str) -> None:
    chat, printable = alice.chat(), "".join(letter for letter in key if letter.isprintable())

    answers = [send(alice, chat, "x", printable.encode("latin-1")) for _ in range(2)]  # type: ignore[arg-type]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert len(alice.messages(chat)) == 2


@pytest.mark.parametrize("key", ["", "k" * 256, b"\xff\x80", b"a\tb"])
def test_other_keys_are_refused(alice: Person, key: Any) -> None:
    chat = alice.chat()

    refused = send(alice, chat, "x", key)

    assert is_refusal(refused, 400)
    assert list(refused.json()["errors"]) == ["Idempotency-Key"]
    assert alice.messages(chat) == []


def test_repeated_while_the_reply_is_made_both_get_the_same(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(size=200, chunk=10, delay=0.01)

    answers = at_once([lambda: send(alice, chat, "x", "key") for _ in range(6)])

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["reply"]["id"] for answer in answers}) == 1
    assert all(len(answer.json()["reply"]["content"]) == 200 for answer in answers)
    assert len(fake.requests()) == 1


def test_one_key_in_two_chats_at_once_is_taken_once(alice: Person, fake: FakeProvider) -> None:
    for _ in range(5):
        key, chats = uuid.uuid4().hex, [alice.chat(), alice.chat(), alice.chat()]

        answers = at_once([lambda chat=chat, key=key: send(alice, chat, "x", key) for chat in chats])

        assert sorted(answer.status_code for answer in answers) == [201, 422, 422]
        assert sum(len(alice.messages(chat)) for chat in chats) == 2


def test_first_prompts_at_once_with_one_id_make_one_chat(alice: Person, bob: Person) -> None:
    chat = str(uuid.uuid4())

    answers = at_once(
        [lambda person=person: person.post("/prompt_gpt/", {"chat_id": chat, "content": "x"})
         for person in (alice, bob, alice, bob)]
    )  # fmt: skip

    statuses = {answer.status_code for answer in answers}
    assert Chat.objects.filter(pk=chat).count() == 1
    assert 201 in statuses
    assert statuses <= {201, 404, 409}
    assert 404 in statuses


def test_a_refused_request_is_not_remembered(alice: Person, settings) -> None:
    chat = alice.chat()
    settings.DAILY_MESSAGES = 1
    send(alice, chat, "x", "first")
    assert send(alice, chat, "y", "second").status_code == 429

    settings.DAILY_MESSAGES = 0

    assert send(alice, chat, "z", "second").status_code == 201


def test_a_failed_turn_is_the_answer_to_its_key(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(status=400)

    first, second = (send(alice, chat, "x", "key") for _ in range(2))

    assert first.status_code == second.status_code == 502
    assert first.json()["reply"] == second.json()["reply"]
    assert len(fake.requests()) == 1


def test_a_key_is_forgotten_after_a_day(alice: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    send(alice, chat, "x", "key")
    for hours, status in ((23, 422), (2, 201)):
        turn = Turn.objects.get(chat_id=chat, key="key")
        Turn.objects.filter(pk=turn.pk).update(started_at=turn.started_at - timedelta(hours=hours))

        assert send(alice, chat, "y", "key").status_code == status

    assert len(alice.messages(chat)) == 4
    assert Turn.objects.get(chat_id=chat, key="key").started_at > timezone.now() - timedelta(hours=1)


def test_the_key_of_a_deleted_chat_is_free(alice: Person) -> None:
    chat = alice.chat()
    send(alice, chat, "x", "key")
    alice.http.delete(f"/api/chats/{chat}/")

    assert send(alice, alice.chat(), "y", "key").status_code == 201


def test_without_a_key_the_same_words_are_two_messages(alice: Person) -> None:
    chat = alice.chat()
    for _ in range(2):
        alice.say(chat, "x")

    assert len(alice.messages(chat)) == 4
