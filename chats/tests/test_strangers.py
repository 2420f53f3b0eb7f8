"""What is one user's does not exist for another: 404 on every address, wherever the id stands."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from chats.tests.helpers import begin, is_refusal
from chats.tests.routes import Route, filled, of_chats, routes
from conftest import Person
from llm.testing import FakeProvider

BODIES = {"messages": {"content": "Let me in"}, "edit": {"content": "Let me in"}, "feedback": {"value": 1},
          "approvals": {"approvals": [{"call": "c", "approved": True}]}}  # fmt: skip
CHANGES = {"title": "Mine now"}
WITH_CHAT = sorted({route for route in of_chats() if "chat_id" in route.path})
CASES = [
    pytest.param(route.path, method, id=f"{method} {route.path}") for route in WITH_CHAT for method in route.methods
]
# Addresses whose parameters are no ids of chats, or that have tests of their own with a stranger (pages, other doors).
LISTED = (
    "admin|accounts?|assistants|api/assistants|api/keys|api/sessions|api/grants|api/stream|media"
    "|static|oauth|api/files|api/notes|notes|v1|webhooks|ws|mcp|api/chat|chats"
    "|api/chats/.*/save"
)
ELSEWHERE = re.compile(rf"/\^?({LISTED})\b")


@pytest.fixture
def things(alice: Person) -> dict[str, Any]:
    """Return a chat of Alice's with its question and reply."""
    chat = alice.chat(title="Alice's")
    question, reply = (row["id"] for row in alice.say(chat, "My secret").json().values())
    return {"chat_id": chat, "message_id": reply, "question": question}


def body(method: str, path: str) -> dict[str, Any] | None:
    """Return what an address takes, so that nothing but whose it is can refuse it."""
    if method in ("get", "patch"):
        return CHANGES if method == "patch" else None
    return BODIES.get(path.rstrip("/").rpartition("/")[2], {})


def unchanged(alice: Person, things: dict[str, Any]) -> bool:
    chat = alice.get(f"/api/chats/{things['chat_id']}/").json()
    return chat["title"] == "Alice's" and chat["head"] == things["message_id"] and not chat["archived"]


def test_every_address_with_a_parameter_is_tried_here_or_listed() -> None:
    unknown = [
        route.path
        for route in routes()
        if "<" in route.path and route not in WITH_CHAT and not ELSEWHERE.match(route.path)
    ]

    assert unknown == []
    assert len(CASES) >= 20


@pytest.mark.parametrize(("path", "method"), CASES)
def test_alices_ids_are_404_for_bob(alice: Person, bob: Person, things: dict[str, Any], path: str, method: str) -> None:
    for message in ("message_id", "question"):
        address = filled(path, **things | {"message_id": things[message]})

        answer = bob.http.request(method, address, json=body(method, address))

        assert is_refusal(answer, 404)
        assert "secret" not in answer.text
    assert unchanged(alice, things)
    assert len(alice.messages(things["chat_id"])) == 2


def test_a_stranger_sees_what_he_sees_of_nothing(bob: Person, things: dict[str, Any]) -> None:
    nothing = {"chat_id": uuid.uuid4(), "message_id": uuid.uuid4()}

    def told(route: Route, method: str, ids: dict[str, Any]) -> dict[str, Any]:
        answer = bob.http.request(method, filled(route.path, **ids), json=body(method, route.path))
        return {name: value for name, value in answer.json().items() if name != "correlation_id"}

    for route in WITH_CHAT:
        for method in route.methods:
            assert told(route, method, things) == told(route, method, nothing), route.path


def test_nobody_gets_in_without_a_token(alice: Person, bob: Person, things: dict[str, Any]) -> None:
    for header in ("", "Bearer", "Bearer x.y.z", "Basic YTpi", f"Token {alice.token}", f"Bearer {alice.token}x"):
        bob.http.headers["Authorization"] = header
        for route in WITH_CHAT:
            for method in route.methods:
                sent = body(method, route.path)
                answer = bob.http.request(method, filled(route.path, **things), json=sent)
                assert is_refusal(answer, 401), (header, route.path)
    assert unchanged(alice, things)


def test_alices_messages_are_404_within_bobs_own_chat(bob: Person, things: dict[str, Any]) -> None:
    chat = bob.chat()
    bob.say(chat, "My own")
    reply = things["message_id"]
    calls: list[Callable[[], httpx.Response]] = [
        lambda: bob.post(f"/api/chats/{chat}/messages/{reply}/regenerate/"),
        lambda: bob.post(f"/api/chats/{chat}/messages/{reply}/continue/"),
        lambda: bob.post(f"/api/chats/{chat}/messages/{things['question']}/edit/", {"content": "x"}),
        lambda: bob.say(chat, "x", parent=reply),
        lambda: bob.http.patch(f"/api/chats/{chat}/", json={"head": reply}),
        lambda: bob.get(f"/api/chats/{chat}/messages/", params={"branch": reply}),
        lambda: bob.get(f"/api/chats/{chat}/messages/", params={"before": reply}),
        lambda: bob.get(f"/api/chats/{chat}/stream/", params={"reply": reply}),
    ]

    for call in calls:
        assert is_refusal(call(), 404)
    assert len(bob.messages(chat)) == 2


@pytest.mark.parametrize("path", ["/prompt_gpt/", "/prompt_gemini/"])
def test_alices_chat_is_404_in_a_body(
    alice: Person, bob: Person, fake: FakeProvider, things: dict[str, Any], path: str
) -> None:
    fake.clear()

    answer = bob.post(path, {"chat_id": things["chat_id"], "content": "Let me in"})

    assert is_refusal(answer, 404)
    assert answer.json()["error"]
    assert fake.requests() == []
    assert unchanged(alice, things)


def test_the_id_of_alices_chat_cannot_be_taken(alice: Person, bob: Person, things: dict[str, Any]) -> None:
    assert is_refusal(bob.post("/api/chats/", {"id": things["chat_id"], "title": "Mine now"}), 404)
    assert alice.post("/api/chats/", {"id": things["chat_id"], "title": "x"}).status_code == 200
    assert unchanged(alice, things)


def test_lists_show_ones_own_only(alice: Person, bob: Person, things: dict[str, Any]) -> None:
    own = bob.chat(title="Bob's")

    for path in ("/api/chats/", "/api/chats/?search=Alice", "/api/chats/history/", "/todays_chat/"):
        text = bob.get(path).text
        assert things["chat_id"] not in text
        assert own in text or "search" in path


def test_a_stranger_cannot_follow_or_stop_what_runs(alice: Person, bob: Person, fake: FakeProvider) -> None:
    chat = alice.chat()
    fake.script(chunks=["Some", "never"], stall_after=1)
    reply = begin(alice, chat, "x")

    assert is_refusal(bob.get(f"/api/chats/{chat}/stream/", params={"reply": reply["id"]}), 404)
    assert is_refusal(bob.get(f"/api/chats/{chat}/stream/", headers={"Last-Event-ID": "1000000000"}), 404)
    assert is_refusal(bob.post(f"/api/chats/{chat}/stop/"), 404)
    assert alice.messages(chat)[-1]["state"] == "streaming"
    alice.post(f"/api/chats/{chat}/stop/")


def test_a_deactivated_account_is_let_in_nowhere(alice: Person, things: dict[str, Any]) -> None:
    from accounts.models import User

    User.objects.filter(pk=alice.id).update(is_active=False)

    for path in ("/api/chats/", f"/api/chats/{things['chat_id']}/messages/", f"/api/chats/{things['chat_id']}/stream/"):
        assert is_refusal(alice.get(path), 401)
    assert is_refusal(alice.say(things["chat_id"], "x"), 401)


def test_an_unconfirmed_account_may_read_but_start_nothing(
    alice: Person, things: dict[str, Any], fake: FakeProvider, settings
) -> None:
    settings.REQUIRE_CONFIRMED_EMAIL = True
    chat, reply = things["chat_id"], things["message_id"]
    fake.clear()

    for path, body in [
        ("/prompt_gpt/", {"chat_id": chat, "content": "x"}),
        ("/prompt_gemini/", {"chat_id": str(uuid.uuid4()), "content": "x"}),
        (f"/api/chats/{chat}/messages/", {"content": "x"}),
        (f"/api/chats/{chat}/messages/{reply}/regenerate/", {}),
        (f"/api/chats/{chat}/messages/{reply}/continue/", {}),
        (f"/api/chats/{chat}/messages/{things['question']}/edit/", {"content": "x"}),
    ]:
        refused = alice.post(path, body)
        assert is_refusal(refused, 403)
        assert refused.json()["code"] == "email_not_confirmed"
    assert len(alice.messages(chat)) == 2
    assert fake.requests() == []
