"""Notes as a connected app meets them: scopes, sizes, and nothing else of the account."""

import json

import httpx
import pytest

from accounts.oauth.models import AppGrant
from chats.tests.helpers import is_refusal
from conftest import Person
from notes.tests.conftest import App

MOST = 100_000  # characters that an action can take
HARD = ["x", "\x01", '"\\', "🍲", "é\n", "\u2028x", "語"]


def keep(client: httpx.Client | Person, content: str, **values: object) -> dict:
    http = client.http if isinstance(client, Person) else client
    answer = http.post("/api/notes/", json={"content": content, **values})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def size(answer: httpx.Response) -> int:
    """Return the length of an answer as JavaScript counts it."""
    return len(answer.text.encode("utf-16-le")) // 2


def test_an_app_does_what_it_was_granted(alice: Person, app: App) -> None:
    both, reads, writes = app(alice, "notes:read", "notes:write"), app(alice, "notes:read"), app(alice, "notes:write")

    note = keep(both, "Kept by an app")

    assert note["source"] == "chatgpt"
    assert alice.get(f"/api/notes/{note['id']}/").json()["source"] == "chatgpt"
    assert reads.get("/api/notes/").json()["results"][0]["id"] == note["id"]
    keep(writes, "Another")
    for refused, scope in (
        (reads.post("/api/notes/", json={"content": "x"}), "notes:write"),
        (reads.patch(f"/api/notes/{note['id']}/", json={"title": "x"}), "notes:write"),
        (reads.delete(f"/api/notes/{note['id']}/"), "notes:write"),
        (writes.get("/api/notes/"), "notes:read"),
        (writes.get(f"/api/notes/{note['id']}/"), "notes:read"),
    ):
        assert is_refusal(refused, 403)
        assert refused.json()["code"] == "insufficient_scope"
        assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
        assert scope in refused.headers["WWW-Authenticate"]
    assert both.delete(f"/api/notes/{note['id']}/").status_code == 204


def test_an_app_sees_the_notes_of_who_let_it_in_and_nothing_else(alice: Person, bob: Person, app: App) -> None:
    secret = keep(bob, "Bob's")
    chat = alice.chat()
    reply = alice.say(chat, "hello").json()["reply"]["id"]
    client = app(alice, "notes:read", "notes:write")

    assert is_refusal(client.get(f"/api/notes/{secret['id']}/"), 404)
    assert client.get("/api/notes/").json()["results"] == []
    for path in ("/api/chats/", f"/api/chats/{chat}/messages/", "/api/users/self/", "/api/keys/", "/api/models/"):
        assert is_refusal(client.get(path), 401)
    assert is_refusal(client.post(f"/api/chats/{chat}/messages/{reply}/save/", json={}), 401)


def test_an_app_that_was_disconnected_is_out_at_once(alice: Person, app: App) -> None:
    client = app(alice, "notes:read", "notes:write")
    assert client.get("/api/notes/").status_code == 200

    AppGrant.objects.filter(user_id=alice.id).end("test")

    refused = [client.get("/api/notes/"), client.post("/api/notes/", json={"content": "x"})]
    assert all(is_refusal(answer, 401) for answer in refused)
    assert 'error="invalid_token"' in refused[0].headers["WWW-Authenticate"]


@pytest.mark.parametrize("token", ["parley-at-nothing", "parley-at-", "x"])
def test_a_token_that_is_none_is_refused_with_a_challenge(live: str, token: str) -> None:
    answer = httpx.get(f"{live}/api/notes/", headers={"Authorization": f"Bearer {token}"})

    assert is_refusal(answer, 401)
    assert "resource_metadata=" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("piece", HARD, ids=repr)
def test_a_long_note_comes_in_parts_that_are_small_enough_and_add_up(alice: Person, app: App, piece: str) -> None:
    content = piece * (230_000 // len(piece))
    url = "https://a.example/" + '"' * 1900
    note = keep(alice, content, title='"' * 200, tags=['"\\' * 19 + str(n) for n in range(20)], source_url=url)
    client = app(alice, "notes:read", "notes:write")

    text, offset = "", 0
    while offset is not None:
        answer = client.get(f"/api/notes/{note['id']}/", params={"offset": offset})
        assert answer.status_code == 200
        assert size(answer) < MOST
        part = answer.json()
        assert part["truncated"] is (part["next_offset"] is not None)
        text, offset = text + part["content"], part["next_offset"]

    assert text == content
    assert size(client.patch(f"/api/notes/{note['id']}/", json={"title": "x"})) < MOST
    whole = alice.get(f"/api/notes/{note['id']}/").json()
    assert (whole["content"], whole["truncated"], whole["next_offset"]) == (content, False, None)
    assert size(client.post("/api/notes/", json={"content": content})) < MOST


def test_a_page_of_the_worst_notes_is_small_enough(alice: Person, app: App, settings) -> None:
    settings.NOTE_WRITES_PER_MINUTE = 1000
    for number in range(35):
        tags = ['"\\' * 19 + str(n) for n in range(20)]
        keep(alice, f"{number}" + '"\\\x01' * 200, title='"' * 200, tags=tags)
    client = app(alice, "notes:read")

    answers = [client.get("/api/notes/", params={"page_size": n}) for n in (200, 50)] + [client.get("/api/notes/")]

    for answer in answers:
        assert size(answer) < MOST
        assert len(answer.json()["results"]) == 30
        assert json.loads(answer.text)["next"]
    assert len(alice.get("/api/notes/?page_size=200").json()["results"]) == 35


def test_beyond_the_end_there_is_nothing(alice: Person) -> None:
    note = keep(alice, "abc")

    part = alice.get(f"/api/notes/{note['id']}/?offset=100").json()

    assert (part["content"], part["truncated"], part["next_offset"]) == ("", False, None)
    assert is_refusal(alice.get(f"/api/notes/{note['id']}/?offset=-1"), 400)
