"""Thumbs with reasons and a comment: on one's own replies, one each, and its words in no list of staff."""

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from chats.models import Feedback
from chats.tests.helpers import is_refusal
from conftest import Person

COMMENT = "words that are private to the user"


@pytest.fixture
def address(alice: Person) -> str:
    chat = alice.chat()
    return f"/api/chats/{chat}/messages/{alice.say(chat, 'Hello').json()['reply']['id']}/feedback/"


def put(person: Person, address: str, **said: Any) -> Any:
    return person.http.put(address, json=said)


def test_what_is_said_last_takes_the_place_of_all_before(alice: Person, address: str) -> None:
    first = put(alice, address, value=1, reasons=["clear", "correct", "clear"], comment=COMMENT)
    assert (first.status_code, first.json()["reasons"]) == (200, ["correct", "clear"])
    assert alice.get(address).json() == first.json()

    second = put(alice, address, value=-1).json()

    assert (second["value"], second["reasons"], second["comment"]) == (-1, [], "")
    assert Feedback.objects.filter(message_id=address.split("/")[5]).count() == 1
    for _ in range(2):
        assert alice.http.delete(address).status_code == 204
    assert is_refusal(alice.get(address), 404)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "value"), ({"value": 0}, "value"), ({"value": 2}, "value"), ({"value": None}, "value"),
        ({"value": "\ud800"}, "value"), ({"value": [1]}, "value"),
        ({"value": 1, "reasons": ["because"]}, "reasons"), ({"value": 1, "reasons": "clear"}, "reasons"),
        ({"value": 1, "reasons": [{}]}, "reasons"), ({"value": 1, "reasons": ["\ud800"]}, "reasons"),
        ({"value": 1, "comment": "x" * 2001}, "comment"), ({"value": 1, "comment": "\0"}, "comment"),
        ({"value": 1, "comment": 7}, "comment"), ({"value": 1, "coment": ""}, "coment"),
    ],
)  # fmt: skip
def test_what_is_no_feedback_is_refused_at_its_field(
    alice: Person, address: str, said: dict[str, Any], field: str
) -> None:
    answer = alice.http.put(address, content=json.dumps(said), headers={"Content-Type": "application/json"})

    assert is_refusal(answer, 400)
    assert list(answer.json()["errors"]) == [field]
    assert is_refusal(alice.get(address), 404)


def test_only_ones_own_replies_have_a_thumb(alice: Person, bob: Person, address: str) -> None:
    chat, question = address.split("/")[3], alice.messages(address.split("/")[3])[0]["id"]

    for person, where in ((bob, address), (alice, f"/api/chats/{chat}/messages/{question}/feedback/")):
        assert is_refusal(put(person, where, value=1), 404)
        assert is_refusal(person.get(where), 404)
        assert is_refusal(person.http.delete(where), 404)
    assert not Feedback.objects.filter(chat=chat).exists()


def test_staff_are_shown_the_thumb_and_the_words_only_on_its_page(alice: Person, address: str, settings: Any) -> None:
    put(alice, address, value=-1, reasons=["incorrect"], comment=COMMENT)
    staff = get_user_model().objects.create_superuser(f"staff-{alice.id}@example.org", "x")
    browser = Client()
    browser.force_login(staff, "accounts.backends.EmailBackend")
    reply, listing = address.split("/")[5], "/admin/chats/feedback/"

    def found(query: str) -> bool:
        page = browser.get(f"{listing}?{query}").content.decode()
        assert COMMENT not in page
        return reply in page

    mine = f"q={alice.email}"
    assert found(mine)
    assert found(f"{mine}&value__exact=-1&reason=incorrect")
    assert not found(f"{mine}&reason=correct")
    assert not found(f"{mine}&value__exact=1")
    assert not found(f"q={COMMENT.split()[0]}")
    assert COMMENT in browser.get(f"{listing}{reply}/change/").content.decode()


def test_staff_download_what_the_list_shows_without_a_word_of_its_users(alice: Person, address: str) -> None:
    put(alice, address, value=-1, reasons=["incorrect"], comment=COMMENT)
    chat, reply = address.split("/")[3], address.split("/")[5]
    staff = get_user_model().objects.create_user(f"staff-{alice.id}@example.org", "x", is_staff=True)
    browser, listing = Client(), "/admin/chats/feedback/"
    browser.force_login(staff, "accounts.backends.EmailBackend")
    assert browser.get(f"{listing}download/").status_code == 403
    staff.user_permissions.add(Permission.objects.get(codename="view_feedback"))

    def rows(query: str) -> list[dict[str, Any]]:
        answer = browser.get(f"{listing}download/?q={alice.email}&{query}")
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert COMMENT.encode() not in answer.content
        return [json.loads(line) for line in answer.content.splitlines()]

    message = alice.messages(chat)[-1]
    (row,) = rows("")
    assert row.pop("created_at")
    assert row == {
        "reply": reply, "chat": chat, "user": alice.id, "value": -1, "reasons": ["incorrect"], "has_comment": True,
        "provider": message["provider"], "model": message["model"], "state": "complete",
    }  # fmt: skip
    model = f"{message['provider']}/{message['model']}"
    assert len(rows(f"value__exact=-1&reason=incorrect&model={model}&created_at__gte=2020-01-01T00:00:00Z")) == 1
    for none in ("value__exact=1", "reason=correct", "model=gemini/other", "created_at__lt=2020-01-01T00:00:00Z"):
        assert rows(none) == []
    for wrong in ("comment__contains=x", "nothing=1", "value__exact=x"):
        assert browser.get(f"{listing}download/?{wrong}").status_code == 400
    assert (
        f"download/?q={alice.email}".replace("@", "%40") in browser.get(f"{listing}?q={alice.email}").content.decode()
    )
    assert browser.post(f"{listing}download/").status_code == 403
