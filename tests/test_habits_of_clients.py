"""What clients do without thinking of it: HEAD, either slash, compressed bodies, members that are none of ours."""

import gzip
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.staticfiles import finders
from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator

from chats.tests.routes import example, routes
from common.view_options import options_of
from conftest import Person

MISSPELT = "temporary_of_tomorrow"
FOREIGN = ("/v1", "/api/chat/", "/prompt_", "/get_", "/todays", "/yesterdays", "/seven_")  # clients' own doors


def is_own(path: str) -> bool:
    return path != "/api/chat" and not path.startswith(FOREIGN)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and description of what the document tells of our own doors."""
    for path, methods in SchemaGenerator().get_schema(request=None, public=True)["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "post", "put", "patch", "delete") and is_own(path):
                yield path, method, operation


def paths() -> list[str]:
    return sorted({example(route.path) for route in routes()})


@pytest.fixture
def filled(alice: Person) -> dict[str, str]:
    chat = alice.chat()
    reply = alice.say(chat, "x").json()["reply"]["id"]
    return {"{chat_id}": chat, "{message_id}": reply, "{cid}": "messaging:x"}


def at(path: str, ids: dict[str, str]) -> str:
    for name, value in ids.items():
        path = path.replace(name, value)
    return re.sub("{(note|assistant)_id}", str(uuid.uuid4()), path)


def test_head_is_what_get_is_without_the_body(alice: Person) -> None:
    for path in paths():
        got = alice.get(path)
        head = alice.http.head(path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers.get("Content-Type") == got.headers.get("Content-Type"), path


def test_head_of_a_stream_ends_at_once(alice: Person, filled: dict[str, str]) -> None:
    head = alice.http.head(f"/api/chats/{filled['{chat_id}']}/stream/?after=0")

    assert (head.status_code, head.headers["Content-Type"]) == (200, "text/event-stream")


def test_allow_names_head_where_get_is(alice: Person) -> None:
    for path in paths():
        allowed = alice.http.request("PROPFIND", path).headers.get("Allow", "").split(", ")
        assert ("GET" in allowed) == ("HEAD" in allowed), path


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/openai/gpt-6-luna", "/api/chat/x/y/messages"])
def test_other_peoples_protocols_take_either_slash(alice: Person, path: str) -> None:
    key = alice.post("/api/keys/", {"name": "k"}).json()["key"]
    headers = {"Authorization": f"Bearer {key}"} if path.startswith("/v1") else {}

    plain, slashed = (alice.get(path + end, headers=headers) for end in ("", "/"))

    assert (plain.status_code, plain.json()) == (slashed.status_code, slashed.json())
    assert "no_such" not in plain.text


def test_their_posts_take_either_slash(alice: Person) -> None:
    key = alice.post("/api/keys/", {"name": "k"}).json()["key"]
    body = {"model": "openai/gpt-6-luna", "messages": [{"role": "user", "content": "hi"}]}
    for path in ("/v1/chat/completions", "/v1/chat/completions/"):
        assert alice.post(path, body, headers={"Authorization": f"Bearer {key}"}).status_code == 200
    for path in ("/api/chat", "/api/chat/"):
        message = {"id": uuid.uuid4().hex, "role": "user", "parts": [{"type": "text", "text": "hi"}]}
        asked = {"id": uuid.uuid4().hex, "messages": [message], "trigger": "submit-message"}
        assert alice.post(path, asked).status_code == 200


def test_a_compressed_body_is_refused_wherever_it_is_not_read(live: str) -> None:
    body = gzip.compress(b"{}")
    with httpx.Client(
        base_url=live, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}
    ) as client:
        for path in paths():
            answer = client.post(path, content=body)
            if not options_of(resolve(path).func).content_encoding:
                assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "identity"), path


def test_the_document_comes_as_json_when_asked(live: str) -> None:
    asked = httpx.get(f"{live}/api/schema/", headers={"Accept": "application/json"})
    formatted = httpx.get(f"{live}/api/schema/?format=json", headers={"Accept": "text/html"})
    plain = httpx.get(f"{live}/api/schema/?format=nonsense")

    assert asked.headers["Content-Type"] == "application/json"
    assert asked.json()["openapi"] == formatted.json()["openapi"] == "3.1.1"
    assert plain.text.startswith("openapi: 3.1.1")


def test_a_member_that_we_do_not_know_is_refused_by_name(alice: Person, filled: dict[str, str], settings: Any) -> None:
    settings.STREAM_API_KEY, settings.STREAM_API_SECRET = "key", "secret"
    tried = 0
    for path, method, operation in operations():
        if "application/json" in operation.get("requestBody", {}).get("content", {}):
            answer = alice.http.request(method, at(path, filled), json={MISSPELT: True})
            assert answer.status_code == 400, (method, path, answer.text)
            assert answer.json()["errors"] == {MISSPELT: ["There is no such member here."]}, (method, path)
            tried += 1
    assert tried == 24
    assert alice.messages(filled["{chat_id}"])[-1]["id"] == filled["{message_id}"]


def test_what_is_unknown_is_named_within_bounds(alice: Person) -> None:
    names = {"\ud800" * 200: 1, **{f"n{number}": 1 for number in range(1000)}}

    answer = alice.http.post("/api/chats/", content=json.dumps(names), headers={"Content-Type": "application/json"})

    assert (answer.status_code, len(answer.json()["errors"])) == (400, 20)
    assert "\0" * 100 in answer.json()["errors"]


def test_there_is_a_style_sheet_for_the_html_of_messages() -> None:
    found = finders.find("markdown.css")

    assert found
    assert ".parley-markdown table" in Path(found).read_text()


def test_a_foreign_client_decides_what_it_sends(alice: Person) -> None:
    asked = {"chat_id": str(uuid.uuid4()), "content": "x", MISSPELT: True}

    assert alice.post("/prompt_gpt/", asked).status_code == 201
