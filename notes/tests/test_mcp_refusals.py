"""Who is not let in, and what is not taken: statuses, challenges, and JSON-RPC errors."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from accounts.models import User
from accounts.oauth.models import AppGrant
from accounts.oauth.resource_server import api_resource
from conftest import Person
from notes.tests.mcp_callers import BEFORE, BOTH, NOW, VERSIONS, Caller, granted

Callers = Callable[..., Caller]
METADATA = 'resource_metadata="{}/.well-known/oauth-protected-resource/mcp"'
PROBES = ("tools/list", "tools/call", "initialize", "server/discover", "ping")


def is_error(answer: httpx.Response, status: int, code: str) -> bool:
    """Tell whether an answer is the JSON-RPC error of a refusal, with what every refusal has."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert (body["jsonrpc"], body["error"]["data"]["code"]) == ("2.0", code)
    assert body["error"]["data"]["correlation_id"] == answer.headers["X-Request-ID"]
    assert isinstance(body["error"]["code"], int)
    assert body["error"]["message"]
    assert answer.headers["Cache-Control"] == "no-store"
    return True


@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_token_there_is_a_challenge(callers: Callers, settings: Any, version: str) -> None:
    caller = callers("", version)

    for method in PROBES:
        answer = caller.send(method)
        assert is_error(answer, 401, "not_signed_in")
        expected = f'Bearer {METADATA.format(settings.SITE_URL)}, scope="notes:read notes:write"'
        assert answer.headers["WWW-Authenticate"] == expected
    metadata = caller.http.get("/.well-known/oauth-protected-resource/mcp").json()
    assert metadata["resource"] == f"{settings.SITE_URL}/mcp"


def test_no_other_credential_is_one(alice: Person, callers: Callers) -> None:
    answer = alice.post("/api/keys/", {"name": "tool"})
    key = answer.json()["key"] if "key" in answer.json() else answer.json()["secret"]
    good = granted(alice, *BOTH)
    for token in (alice.token, key, granted(alice, *BOTH, resource=api_resource()), f"{good}x", "parley-at-", "x",
                  good.replace("parley-at-", "parley-rt-")):  # fmt: skip
        answer = callers(token).tool("list_notes")
        assert is_error(answer, 401, "invalid_token")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert "resource_metadata=" in answer.headers["WWW-Authenticate"]
        assert token not in answer.json()["error"]["message"].split()
    assert callers(good).tool("list_notes").status_code == 200
    assert (
        httpx.get(f"{alice.http.base_url}/api/notes/", headers={"Authorization": f"Bearer {good}"}).status_code == 401
    )


def test_a_token_elsewhere_than_in_the_header_is_none(alice: Person, callers: Callers) -> None:
    token, caller = granted(alice, *BOTH), callers("")

    for options in (
        {"path": f"/mcp?access_token={token}"}, {"path": f"/mcp?token={token}"},
        {"headers": {"Authorization": f"Basic {token}"}}, {"headers": {"Cookie": f"access_token={token}"}},
        {"json": {**caller.message("tools/list"), "access_token": token}},
    ):  # fmt: skip
        assert is_error(caller.send("tools/list", **options), 401, "not_signed_in")
    assert is_error(caller.send("tools/list", headers={"Authorization": f"Bearer  {token} x"}), 401, "invalid_token")


@pytest.mark.parametrize("version", VERSIONS)
def test_each_tool_needs_its_scope(alice: Person, callers: Callers, version: str) -> None:
    reads, writes = (callers(granted(alice, scope), version) for scope in BOTH)
    note = writes.value("save_note", content="kept")["id"]

    assert reads.value("list_notes")["notes"][0]["id"] == note
    refused = [
        (reads.tool("save_note", content="x"), "notes:write"), (writes.tool("list_notes"), "notes:read"),
        (writes.tool("search_notes", query="x"), "notes:read"), (writes.tool("read_note", id=note), "notes:read"),
    ]  # fmt: skip
    for answer, scope in refused:
        assert is_error(answer, 403, "insufficient_scope")
        assert answer.json()["id"] == 7
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
        assert f'scope="{scope}"' in answer.headers["WWW-Authenticate"]
        assert "resource_metadata=" in answer.headers["WWW-Authenticate"]
    assert len(reads.value("list_notes")["notes"]) == 1
    for caller in (reads, writes):
        assert len(caller.send("tools/list").json()["result"]["tools"]) == 4


def test_an_account_that_may_grant_nothing_lets_nobody_in(
    alice: Person,
    bob: Person,
    callers: Callers,
    settings: Any,
) -> None:
    hers, his = callers(granted(alice, *BOTH)), callers(granted(bob, *BOTH))
    assert (hers.tool("list_notes").status_code, his.tool("list_notes").status_code) == (200, 200)

    settings.REQUIRE_CONFIRMED_EMAIL = True
    assert is_error(hers.tool("list_notes"), 401, "invalid_token")
    settings.REQUIRE_CONFIRMED_EMAIL = False
    User.objects.filter(pk=bob.id).update(is_active=False)
    assert is_error(his.tool("list_notes"), 401, "invalid_token")
    AppGrant.objects.filter(user_id=alice.id).update(ended_at=timezone.now())
    assert is_error(hers.tool("list_notes"), 401, "invalid_token")


def test_calls_are_limited_per_user_over_all_apps(
    alice: Person,
    bob: Person,
    callers: Callers,
    settings: Any,
) -> None:
    settings.MCP_REQUESTS_PER_MINUTE = 3
    one, two = callers(granted(alice, *BOTH), NOW), callers(granted(alice, *BOTH), BEFORE)
    for caller in (one, two, one):
        assert caller.send("tools/list").status_code == 200

    for caller in (one, two):
        answer = caller.send("tools/list")
        assert is_error(answer, 429, "too_many_requests")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert callers(granted(bob, *BOTH)).send("tools/list").status_code == 200


@pytest.mark.parametrize("version", VERSIONS)
def test_writes_count_with_those_of_other_doors(
    alice: Person,
    callers: Callers,
    settings: Any,
    version: str,
) -> None:
    settings.NOTE_WRITES_PER_MINUTE = 2
    caller = callers(granted(alice, *BOTH), version)
    alice.post("/api/notes/", {"content": "one"})
    caller.value("save_note", content="two")

    answer = caller.tool("save_note", content="three")

    assert is_error(answer, 429, "too_many_notes")
    assert answer.json()["id"] == 7
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert len(caller.value("list_notes")["notes"]) == 2


NOT_MESSAGES: list[tuple[bytes, int]] = [
    (b"", -32700), (b"{", -32700), (b"\xff\xfe", -32700), (b'{"a":NaN}', -32700), (b"[" * 66 + b"]" * 66, -32700),
    (b"[" * 100_000, -32700), (b'{"params":' * 70 + b"1" + b"}" * 70, -32700),
    (b"null", -32600), (b"7", -32600), (b'"x"', -32600), (b"[]", -32600),
    (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"%s"}' % (b"m" * 101), -32600),
    (b'{"jsonrpc":"2.0","id":"%s","method":"ping"}' % (b"i" * 257), -32600),
]  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("body", "code"), NOT_MESSAGES, ids=lambda value: str(value)[:30])
def test_what_is_no_message_is_refused(
    alice: Person,
    callers: Callers,
    version: str,
    body: bytes,
    code: int,
) -> None:
    caller = callers(granted(alice, *BOTH), version)

    answer = caller.http.post("/mcp", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == code
    assert len(answer.text) < 1000


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_other_types_of_body_are_refused(alice: Person, callers: Callers, kind: str) -> None:
    caller = callers(granted(alice, *BOTH))

    answer = caller.http.post("/mcp", content=b"{}", headers={"Content-Type": kind})

    assert is_error(answer, 415, "unsupported_media_type")


def test_a_body_beyond_the_limit_is_refused_before_anybody_is_asked_for(live: str) -> None:
    answer = httpx.post(f"{live}/mcp", content=b" " * (2 * 2**20 + 1), headers={"Content-Type": "application/json"})

    assert is_error(answer, 413, "body_too_large")


def test_the_longest_note_fits_whichever_way_it_is_escaped(alice: Person, callers: Callers) -> None:
    caller = callers(granted(alice, *BOTH))
    message = caller.message("tools/call", {"name": "save_note", "arguments": {"content": "語" * 262_144}})
    body = json.dumps(message).encode()  # six bytes a character
    headers = {"Content-Type": "application/json", "Mcp-Method": "tools/call", "Mcp-Name": "save_note"}

    answer = caller.http.post("/mcp", content=body, headers=headers)

    assert answer.json()["result"]["structuredContent"]["length"] == 262_144


NAMES = st.sampled_from(
    ["jsonrpc", "id", "method", "params", "name", "arguments", "_meta", "content", "protocolVersion"]
)
WORDS = st.sampled_from(
    ["2.0", "tools/call", "tools/list", "initialize", "ping", "save_note", "read_note", NOW, BEFORE]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=5),
    max_leaves=12,
)
REQUESTS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": WORDS | st.text(max_size=5)},
    optional={"id": JSON, "params": st.dictionaries(NAMES, JSON, max_size=4) | JSON, "result": JSON, "error": JSON},
)
HEADER = st.none() | WORDS | st.text("az=?,;/ \t\xff\xe9", max_size=8)


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_that_is_sent_breaks_it(alice: Person, callers: Callers, settings: Any, version: str) -> None:
    settings.MCP_REQUESTS_PER_MINUTE = settings.NOTE_WRITES_PER_MINUTE = 100_000
    caller = callers(granted(alice, *BOTH), version)

    @examples(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(JSON | REQUESTS, HEADER, HEADER, HEADER)
    def send(body: Any, told: str | None, name: str | None, method: str | None) -> None:
        names = {
            "MCP-Protocol-Version": told,
            "Mcp-Name": name,
            "Mcp-Method": method,
            "Content-Type": "application/json",
        }
        headers = {key: value.strip().encode("latin-1") for key, value in names.items() if value is not None}
        answer = caller.http.post("/mcp", content=json.dumps(body).encode(), headers=headers)
        assert answer.status_code < 500, answer.text
        assert answer.status_code == 202 or answer.json()["jsonrpc"] == "2.0"
        if "error" in (answer.json() if answer.content else {}):
            assert answer.json()["error"]["code"] not in (0, -32603), answer.text

    send()
