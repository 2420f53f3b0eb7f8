"""Both generations of the protocol on the wire: finding out, listing, calling, and everything that is neither."""

from collections.abc import Callable

import httpx
import pytest

from conftest import Person
from notes.tests.mcp_callers import BEFORE, BOTH, CLIENT, META, NOW, VERSIONS, Caller, granted

Callers = Callable[..., Caller]
INITIALIZE = {"protocolVersion": BEFORE, "capabilities": {}, "clientInfo": CLIENT}


@pytest.fixture(params=VERSIONS)
def caller(request: pytest.FixtureRequest, alice: Person, callers: Callers) -> Caller:
    return callers(granted(alice, *BOTH), request.param)


@pytest.fixture
def now(alice: Person, callers: Callers) -> Caller:
    return callers(granted(alice, *BOTH), NOW)


@pytest.fixture
def before(alice: Person, callers: Callers) -> Caller:
    return callers(granted(alice, *BOTH), BEFORE)


def test_the_present_generation_is_discovered_without_a_handshake(now: Caller) -> None:
    answer = now.send("server/discover")

    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert "mcp-session-id" not in answer.headers
    result = answer.json()["result"]
    assert result["supportedVersions"] == [NOW]
    assert result["resultType"] == "complete"
    assert set(result["capabilities"]) == {"tools"}
    assert (result["ttlMs"] > 0, result["cacheScope"]) == (True, "public")
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "parley-notes"


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", BEFORE])
def test_the_generation_before_shakes_hands_and_has_no_session(before: Caller, version: str) -> None:
    asked = before.message("initialize", {**INITIALIZE, "protocolVersion": version})
    del before.http.headers["MCP-Protocol-Version"]

    answer = before.send("initialize", json=asked)
    assert answer.status_code == 200, answer.text
    assert "mcp-session-id" not in answer.headers
    result = answer.json()["result"]
    assert result["protocolVersion"] == version
    assert result["serverInfo"]["name"] == "parley-notes"
    assert set(result["capabilities"]) == {"tools"}
    ready = before.send("", json={"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (ready.status_code, ready.content) == (202, b"")
    before.http.headers["MCP-Protocol-Version"] = version
    assert before.send("ping").json()["result"] == {}


def test_an_unknown_version_is_offered_one_that_is_known(before: Caller) -> None:
    del before.http.headers["MCP-Protocol-Version"]
    asked = before.message("initialize", {**INITIALIZE, "protocolVersion": "1999-01-01"})

    assert before.send("initialize", json=asked).json()["result"]["protocolVersion"] == BEFORE
    before.http.headers["MCP-Protocol-Version"] = "1999-01-01"
    meta = {**META, "io.modelcontextprotocol/protocolVersion": "1999-01-01"}
    later = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    refused = before.http.post("/mcp", json=later, headers={"Mcp-Method": "tools/list"})
    assert refused.status_code == 400
    assert refused.json()["error"]["data"]["supported"] == [NOW]


def test_the_tools_are_described(caller: Caller) -> None:
    result = caller.send("tools/list").json()["result"]
    tools = {tool["name"]: tool for tool in result["tools"]}

    assert set(tools) == {"save_note", "search_notes", "list_notes", "read_note"}
    for name, tool in tools.items():
        writes = name == "save_note"
        hints = tool["annotations"]
        assert (hints["readOnlyHint"], hints["destructiveHint"]) == (not writes, False)
        assert (hints["idempotentHint"], hints["openWorldHint"]) == (True, False)
        assert tool["inputSchema"]["type"] == tool["outputSchema"]["type"] == "object"
        assert all(part["description"] for part in tool["inputSchema"]["properties"].values())
        assert tool["title"]
        assert 20 < len(tool["description"]) <= 300
        scope = "notes:write" if writes else "notes:read"
        assert tool["_meta"]["securitySchemes"] == [{"type": "oauth2", "scopes": [scope]}]
    assert ("ttlMs" in result) is (caller.version == NOW)


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
def test_a_call_is_answered_in_json_and_kept_by_nobody(caller: Caller, path: str) -> None:
    answer = caller.send("tools/call", {"name": "list_notes", "arguments": {}}, path=path)

    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(answer.headers["X-Request-ID"]) == 32
    assert answer.json()["id"] == 7
    assert answer.json()["result"]["structuredContent"] == {"notes": [], "next_cursor": None}
    assert answer.json()["result"]["content"] == [{"type": "text", "text": '{"notes":[],"next_cursor":null}'}]


def test_there_is_no_stream_to_open_and_no_session_to_end(caller: Caller) -> None:
    for method in ("GET", "DELETE", "PUT"):
        answer = caller.http.request(method, "/mcp", headers={"Accept": "text/event-stream"})
        assert answer.status_code == 405
        assert "POST" in answer.headers["Allow"]
        assert answer.json()["error"]["data"]["code"] == "method_not_allowed"


def test_what_is_not_offered_is_not_found(caller: Caller) -> None:
    for method in ("resources/list", "prompts/list", "no/such", "logging/setLevel", "subscriptions/listen"):
        answer = caller.send(method)
        assert answer.status_code in (200, 400, 404), answer.text
        assert answer.json()["error"]["code"] in (-32601, -32602)
    unknown = caller.tool("delete_everything")
    assert unknown.json()["error"]["code"] == -32602
    assert caller.send("tools/list", {"cursor": "x"}).json()["error"]["code"] == -32602


HEADERS: list[dict[str, str]] = [
    {"Mcp-Method": "tools/list"},
    {"Mcp-Name": "list_notes"},
    {"Mcp-Name": "=?base64?!!?="},
    {"MCP-Protocol-Version": "2026-07-29"},
]


@pytest.mark.parametrize("headers", HEADERS, ids=str)
def test_headers_must_say_what_the_body_says(now: Caller, headers: dict[str, str]) -> None:
    params = {"name": "save_note", "arguments": {"content": "never"}}

    answer = now.send("tools/call", params, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == -32020
    assert now.value("list_notes")["notes"] == []


def test_the_present_generation_needs_its_envelope(now: Caller) -> None:
    for meta in ({}, {"_meta": {}}, {"_meta": "x"}, {"_meta": {"io.modelcontextprotocol/protocolVersion": NOW}}):
        bare = {"jsonrpc": "2.0", "id": "a", "method": "tools/list", "params": meta}
        answer = now.send("tools/list", json=bare)
        assert answer.status_code == 400
        assert (answer.json()["id"], answer.json()["error"]["code"]) == ("a", -32602)


def test_notifications_are_taken_and_have_no_effect(caller: Caller) -> None:
    for method in ("notifications/cancelled", "notifications/initialized", "tools/call"):
        body = {"jsonrpc": "2.0", "method": method, "params": {"name": "save_note", "arguments": {"content": "x"}}}
        answer = caller.send(method, json=body)
        assert (answer.status_code, answer.content) == (202, b"")
    assert caller.value("list_notes")["notes"] == []


def test_any_accept_will_do(caller: Caller) -> None:
    for accept in ("", "*/*", "application/json", "text/event-stream", "text/html"):
        answer = caller.http.post(
            "/mcp", json=caller.message("tools/list"), headers={"Accept": accept, "Mcp-Method": "tools/list"}
        )
        assert answer.status_code == 200, (accept, answer.text)


def test_a_front_end_may_come_from_a_listed_origin_and_no_other(caller: Caller, settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://inspector.example"]
    for origin, status in (
        ("https://inspector.example", 200), (settings.SITE_URL, 200), ("https://evil.example", 403), ("null", 403),
    ):  # fmt: skip
        answer = caller.http.post(
            "/mcp", json=caller.message("tools/list"), headers={"Origin": origin, "Mcp-Method": "tools/list"}
        )
        assert answer.status_code == status, answer.text
        if status == 403:
            assert answer.json()["error"]["data"]["code"] == "origin_refused"
    rebound = {"Host": "evil.example", "Origin": "http://evil.example", "Mcp-Method": "tools/list"}
    assert caller.http.post("/mcp", json=caller.message("tools/list"), headers=rebound).status_code == 400


def test_a_front_end_is_told_what_it_may_send(caller: Caller, live: str) -> None:
    asks = {
        "Origin": "http://localhost:5173",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,mcp-method,mcp-name,mcp-protocol-version",
    }

    preflight = httpx.options(f"{live}/mcp", headers=asks)

    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == asks["Origin"]
    for name in asks["Access-Control-Request-Headers"].split(","):
        assert name in preflight.headers["Access-Control-Allow-Headers"]
