"""No input does harm: a 4xx in the one shape, named by its correlation id, and nothing lost."""

import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from chats.tests.helpers import is_refusal
from chats.tests.routes import METHODS, filled, of_chats
from conftest import Person
from llm.testing import FakeProvider

# What each field is called at each address that takes a body; the ids are filled in by the test.
CHAT, MESSAGE = "/api/chats/<chat_id>", "/api/chats/<chat_id>/messages/<message_id>"
TEXT_FIELDS = [
    ("post", "/prompt_gpt/", "content"),
    ("post", "/prompt_gemini/", "content"),
    ("post", f"{CHAT}/messages/", "content"),
    ("post", f"{CHAT}/messages/", "model"),
    ("post", f"{MESSAGE}/edit/", "content"),
    ("post", f"{MESSAGE}/edit/", "model"),
    ("post", f"{MESSAGE}/regenerate/", "model"),
    ("post", f"{MESSAGE}/continue/", "model"),
    ("post", "/api/chats/", "title"),
    ("post", "/api/chats/", "model"),
    ("patch", f"{CHAT}/", "title"),
    ("patch", f"{CHAT}/", "model"),
]
ID_FIELDS = [
    ("post", "/prompt_gpt/", "chat_id"),
    ("post", "/prompt_gemini/", "chat_id"),
    ("post", f"{CHAT}/messages/", "parent"),
    ("post", "/api/chats/", "id"),
    ("patch", f"{CHAT}/", "head"),
]
FLAG_FIELDS = [("patch", f"{CHAT}/", "pinned"), ("patch", f"{CHAT}/", "archived")]
WITH_BODY = sorted({(method, path) for method, path, _ in TEXT_FIELDS + ID_FIELDS})
NOT_TEXT = [None, 1, 1.5, True, [], {}, ["x"], {"x": "y"}, "NUL \0 inside", "lone \ud800 surrogate", "\udfff"]
NOT_ID = [
    None,
    0,
    7,
    -1,
    10**40,
    1.5,
    True,
    [],
    {},
    "",
    "x",
    "\0",
    "1" * 33,
    "é" * 36,
    str(uuid.UUID(int=5))[:-1],
    "\ud800",
]
BODIES = [
    b"{", b"[", b'"', b"nul", b"\xff\xfe", b'{"content": "\xff"}', b"{'content': 'x'}", b'{"content": NaN}', b"\0",
    b'{"content": "x"', b'{"content": "x"}}', b"[]", b"[1]", b'"text"', b"7", b"null", b"true", b"\xef\xbb\xbf{}",
    b"[" * 65 + b"]" * 65, b"[" * 100_000, b'{"a":' * 65 + b"1" + b"}" * 65, b'{"a":' * 100_000,
    b'{"content": "\\ud800' + b"[" * 5000, b"1" * 5000, b'{"content": 1' + b"0" * 5000 + b"}", b'{"content": 1e999}',
]  # fmt: skip


@pytest.fixture
def things(alice: Person, fake: FakeProvider) -> Iterator[dict[str, Any]]:
    """Return a chat with a turn, and an assistant; they must stand in the end, and no provider have been asked."""
    chat = alice.chat(title="Kept")
    question, reply = (row["id"] for row in alice.say(chat, "Kept").json().values())
    assistant = alice.post("/api/assistants/", {"name": "Kept"}).json()
    before = alice.get(f"/api/chats/{chat}/").json(), alice.messages(chat)
    fake.clear()
    yield {"chat_id": chat, "message_id": reply, "question": question, "assistant_id": assistant["id"]}
    assert (alice.get(f"/api/chats/{chat}/").json(), alice.messages(chat)) == before
    assert alice.get(f"/api/assistants/{assistant['id']}/").json() == assistant
    assert fake.requests() == []


def address(path: str, things: dict[str, Any]) -> str:
    return filled(path, **things | ({"message_id": things["question"]} if "/edit/" in path else {}))


def valid(path: str, things: dict[str, Any]) -> dict[str, Any]:
    """Return a body that would be accepted."""
    body = {"content": "x"} if "prompt" in path or path.endswith(("messages/", "edit/")) else {}
    return body | ({"chat_id": things["chat_id"]} if "prompt" in path else {})


def send(person: Person, method: str, path: str, body: Any) -> httpx.Response:
    """Send any JSON, lone surrogates too."""
    return person.http.request(method, path, content=json.dumps(body), headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(("method", "path", "field"), TEXT_FIELDS)
def test_what_is_not_text_is_refused_at_its_field(
    alice: Person, things: dict[str, Any], method: str, path: str, field: str
) -> None:
    for value in [*NOT_TEXT, "x" * 300_000]:
        answer = send(alice, method, address(path, things), valid(path, things) | {field: value})

        assert is_refusal(answer, 400), (value, answer.text)
        assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize(("method", "path", "field"), ID_FIELDS)
def test_what_is_not_an_id_is_refused_at_its_field(
    alice: Person, things: dict[str, Any], method: str, path: str, field: str
) -> None:
    for value in NOT_ID[field == "parent" :]:  # a message without a parent follows the head
        answer = send(alice, method, address(path, things), valid(path, things) | {field: value})

        assert is_refusal(answer, 400), (value, answer.text)
        assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize(("method", "path", "field"), FLAG_FIELDS)
def test_what_is_neither_yes_nor_no_is_refused(
    alice: Person, things: dict[str, Any], method: str, path: str, field: str
) -> None:
    for value in (None, "maybe", 2, [], {}, "\ud800", 1.5):
        answer = send(alice, method, address(path, things), {field: value})

        assert is_refusal(answer, 400)
        assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize("path", ["/prompt_gpt/", "/prompt_gemini/", f"{CHAT}/messages/", f"{MESSAGE}/edit/"])
def test_a_blank_or_absent_message_is_refused(alice: Person, things: dict[str, Any], path: str) -> None:
    body = valid(path, things)
    for content in ("", " ", "\n\t\r ", "\u2003"):
        assert is_refusal(alice.post(address(path, things), body | {"content": content}), 400)
    del body["content"]

    absent = alice.post(address(path, things), body)

    assert is_refusal(absent, 400)
    assert list(absent.json()["errors"]) == ["content"]
    assert is_refusal(alice.post(address(path, things), {}), 400)


@pytest.mark.parametrize("path", ["/prompt_gpt/", "/prompt_gemini/"])
def test_the_seed_s_refusals_carry_error(alice: Person, path: str) -> None:
    for body in ({}, {"chat_id": "x", "content": "y"}, {"chat_id": str(uuid.uuid4())}):
        answer = alice.post(path, body)
        assert is_refusal(answer, 400)
        assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_what_is_no_json_object_is_refused(alice: Person, things: dict[str, Any], method: str, path: str) -> None:
    for body in BODIES:
        answer = alice.http.request(
            method, address(path, things), content=body, headers={"Content-Type": "application/json"}
        )
        assert is_refusal(answer, 400), body[:40]


OTHER_TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x", "text/json"]


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_another_type_of_body_is_415(alice: Person, things: dict[str, Any], method: str, path: str) -> None:
    for kind in OTHER_TYPES:
        answer = alice.http.request(
            method, address(path, things), content=b'{"content": "x"}', headers={"Content-Type": kind}
        )
        assert is_refusal(answer, 415), kind


ADDRESSES = sorted({route.path.replace("anyuuid:", "") for route in of_chats()} - {"/api/chat"})


def test_other_methods_are_405_with_allow(alice: Person, things: dict[str, Any]) -> None:
    for route in of_chats():
        if route.path.replace("anyuuid:", "") not in ADDRESSES or ("<" in route.path and "_id>" not in route.path):
            continue
        for method in (*METHODS, "trace", "propfind"):
            if method in route.methods:
                continue
            answer = alice.http.request(method, address(route.path, things))
            assert is_refusal(answer, 405), (method, route.path)
            assert set(route.methods) <= {name.strip().lower() for name in answer.headers["Allow"].split(",")}


NO_IDS = ["x", "0", "%00", "é", "1" * 32, f"{uuid.uuid4()}0", "..%2f..", "%ff", "{}", "a" * 3000, "urn:uuid:1"]


def test_a_path_without_a_right_id_is_404(alice: Person, things: dict[str, Any]) -> None:
    for path in (path for path in ADDRESSES if "_id>" in path):
        for name in ("<chat_id>", "<message_id>", "<assistant_id>"):
            for bad in NO_IDS if name in path else ():
                answer = alice.get(filled(path.replace(name, bad), **things))
                assert is_refusal(answer, 404), (path, bad)


def test_ids_are_taken_in_either_case_and_never_redirected(alice: Person, things: dict[str, Any]) -> None:
    chat = things["chat_id"].upper()

    for path in (f"/api/chats/{chat}", f"/api/chats/{chat}/messages", f"/get_chat_messages/{chat}"):
        for slash in ("", "/"):
            assert alice.get(path + slash).status_code == 200
    reply = things["message_id"].upper()
    page = alice.get(f"/api/chats/{chat}/messages/", params={"branch": reply}).json()
    assert page["results"][-1]["id"] == things["message_id"]


QUERIES = {
    "/api/chats/": [
        "page_size=0", "page_size=201", "page_size=x", "page_size=-1", "page_size=1.5", "page_size=" + "9" * 5000,
        "pinned=maybe", "archived=2", "search=%00", "search=" + "x" * 201, "cursor=x", "cursor=cD1nYXJiYWdl",
        "cursor=cD0%3D", "cursor=bz0tMQ%3D%3D", "cursor=cD0lMDA%3D",
        "cursor=%ff", "cursor=cj0xJnA9MjAyNi0xMy0wMQ%3D%3D",
        "cursor=cD0yMDI2LTA1LTAx", "cursor=cD05OTk5LTEyLTMxIDIzOjU5OjU5LTE0OjAw",
    ],
    f"{CHAT}/messages/": [
        "page_size=0", "page_size=201", "page_size=x", "branch=x", "branch=%00", "before=x", "before=7", "html=maybe",
        "branch=" + "a" * 5000,
    ],
    f"{CHAT}/stream/": ["after=x", "after=-1", "after=9007199254740993", "after=" + "9" * 5000, "after=1.5", "reply=x"],
    "/todays_chat/": ["tz=Nowhere/Land"],
    "/api/chats/history/": ["tz=%00"],
}  # fmt: skip


@pytest.mark.parametrize("path", QUERIES)
def test_a_wrong_query_is_refused(alice: Person, things: dict[str, Any], path: str) -> None:
    for query in QUERIES[path]:
        answer = alice.get(f"{address(path, things)}?{query}")

        assert is_refusal(answer, 400), (query, answer.text)


@pytest.mark.parametrize("path", [f"{CHAT}/messages/", f"{MESSAGE}/regenerate/", f"{MESSAGE}/edit/"])
def test_a_wrong_query_starts_nothing(alice: Person, things: dict[str, Any], path: str) -> None:
    for query in ("wait=maybe", "html=x"):
        assert is_refusal(alice.post(f"{address(path, things)}?{query}", valid(path, things)), 400)


def test_a_wrong_last_event_id_is_refused(alice: Person, things: dict[str, Any]) -> None:
    for value in (b"x", b"-1", b"1.5", b"9" * 17, b"\xff", "²".encode(), b"1 2", b"0x10"):
        answer = alice.get(f"/api/chats/{things['chat_id']}/stream/", headers={"Last-Event-ID": value})  # type: ignore[dict-item]

        assert is_refusal(answer, 400), value
        assert list(answer.json()["errors"]) == ["Last-Event-ID"]


def test_a_wrong_authorization_is_401(alice: Person) -> None:
    for path in ("/api/chats/", f"/api/chats/{uuid.uuid4()}/messages/", "/todays_chat/"):
        for value in (b"Bearer \xff", b"Bearer a b c", b"Bearer " + b"x" * 10_000, b"bearer", b"\xff\xfe"):
            answer = alice.get(path, headers={"Authorization": value})  # type: ignore[dict-item]

            assert is_refusal(answer, 401), value
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/prompt_gpt/", f"{CHAT}/messages/", "/api/chats/"])
def test_a_body_over_the_limit_is_413(alice: Person, things: dict[str, Any], settings, path: str) -> None:
    body = json.dumps(valid(path, things) | {"content": "x" * settings.MAX_BODY_BYTES})

    answer = alice.http.post(address(path, things), content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "body_too_large"


def test_every_413_is_named_by_its_correlation_id(alice: Person, settings) -> None:
    answer = alice.http.post(
        "/prompt_gpt/", content=b"x" * (settings.MAX_BODY_BYTES + 1), headers={"Content-Type": "application/json"}
    )

    assert is_refusal(answer, 413)


@pytest.mark.parametrize("path", ["/prompt_gpt/", "/api/chats/", "/nowhere/"])
def test_a_body_of_unknown_length_is_cut_off_at_the_limit(live: str, settings, path: str) -> None:
    """The client never ends; the server answers all the same, before anybody has signed in."""
    place = urlsplit(live)
    with socket.create_connection((place.hostname, place.port), timeout=20) as wire:  # type: ignore[arg-type]
        wire.sendall(f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        block, sent = b"10000\r\n" + b"x" * 65_536 + b"\r\n", 0
        try:
            while sent <= settings.MAX_BODY_BYTES + 4 * 65_536:
                wire.sendall(block)
                sent += 65_536
        except ConnectionError:
            pass  # it has hung up on us

        assert wire.recv(65_536).startswith(b"HTTP/1.1 413")


def test_a_message_of_the_largest_size_is_taken_and_returned_exactly(alice: Person, settings) -> None:
    chat, text = alice.chat(), "🦊é" * (settings.MAX_MESSAGE_CHARS // 2)

    assert alice.say(chat, text).status_code == 201

    assert alice.messages(chat)[0]["content"] == text
    assert is_refusal(alice.say(chat, text + "x"), 400)


@pytest.mark.parametrize(
    "text",
    [
        "\t\x01\x1b \u200b\u202e\ufeff\ufffe\uffff 😀 \r\n",
        " both ends ",
        "'; DROP TABLE chats_chat; --",
        "%s %(x)s {0} \\",
    ],
)
def test_text_is_returned_exactly_as_sent(alice: Person, text: str) -> None:
    chat = alice.chat()

    alice.say(chat, text)

    assert alice.messages(chat)[0]["content"] == text
    assert alice.get(f"/api/chats/?search={quote(text[:20])}").status_code == 200


def test_unknown_fields_change_nothing(alice: Person) -> None:
    chat = alice.chat(title="T")
    before = alice.get(f"/api/chats/{chat}/").json()
    body = {"owner": 1, "owner_id": 1, "last_number": 99, "created_at": "2000-01-01", "title_by_user": False, "id": "x"}

    patched = alice.http.patch(f"/api/chats/{chat}/", json=body)
    said = alice.say(chat, "x", role="system", state="complete", number=77, id=str(uuid.uuid4()))

    assert is_refusal(patched, 400)
    assert set(patched.json()["errors"]) == set(body)
    assert is_refusal(said, 400)
    assert set(said.json()["errors"]) == {"role", "state", "number", "id"}
    assert alice.get(f"/api/chats/{chat}/").json() == before
    assert alice.messages(chat) == []


@pytest.mark.parametrize("path", ["/nowhere", "/api/nowhere/", "/api/chats/x/", "/%00", "/api/chats/%ff/messages/"])
def test_an_unknown_address_is_404_also_under_debug(alice: Person, settings, path: str) -> None:
    for debug in (False, True):
        settings.DEBUG = debug
        assert is_refusal(alice.get(path), 404)
