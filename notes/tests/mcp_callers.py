"""MCP clients of both generations, as they write on the wire, for apps that somebody has let in."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, RefreshToken

from accounts.models import User
from accounts.oauth.models import AppGrant
from accounts.oauth.resource_server import ACCESS_PREFIX, mcp_resource
from common.ids import uuid7
from conftest import Person

NOW, BEFORE = "2026-07-28", "2025-11-25"
VERSIONS = (NOW, BEFORE)
BOTH = ("notes:read", "notes:write")
CLIENT = {"name": "test", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": NOW,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": CLIENT,
}


def granted(person: Person, *scopes: str, resource: str = "") -> str:
    """Let an app in and return its access token."""
    name, later = uuid7().hex, timezone.now() + timedelta(hours=1)
    user = User.objects.get(pk=person.id)
    kind = {"client_type": "public", "authorization_grant_type": "authorization-code"}
    client = Application.objects.create(name="Tool", client_id=name, redirect_uris="https://tool.example/back", **kind)
    audience = [resource or mcp_resource()]
    grant = AppGrant.objects.create(
        user=user, application=client, scopes=list(scopes), resources=audience, code_hash=name,
        code_used_at=timezone.now(), expires_at=later,
    )  # fmt: skip
    values = {"user": user, "application": client, "resource": audience}
    access = AccessToken.objects.create(token=f"{ACCESS_PREFIX}{name}", expires=later, scope=" ".join(scopes), **values)
    RefreshToken.objects.create(token=f"parley-rt-{name}", access_token=access, token_family=grant.pk, **values)
    return f"{ACCESS_PREFIX}{name}"


class Caller:
    """A client that speaks one version; `headers` and `meta` are what it adds to each message."""

    def __init__(self, url: str, token: str, version: str = NOW) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        self.version = version
        self.http.headers.update({"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": version})
        if token:
            self.http.headers["Authorization"] = f"Bearer {token}"

    def message(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        params = dict(params or {})
        if self.version == NOW:
            params["_meta"] = META
        return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}

    def send(self, method: str, params: dict[str, Any] | None = None, **options: Any) -> httpx.Response:
        headers = {"Mcp-Method": method, **options.pop("headers", {})}
        if "name" in (params or {}):
            headers.setdefault("Mcp-Name", params["name"])
        if self.version != NOW:
            headers = {name: value for name, value in headers.items() if name not in ("Mcp-Method", "Mcp-Name")}
        body = options.pop("json", None) or self.message(method, params)
        return self.http.post(options.pop("path", "/mcp"), json=body, headers=headers, **options)

    def tool(self, tool_name: str, /, **arguments: Any) -> httpx.Response:
        return self.send("tools/call", {"name": tool_name, "arguments": arguments})

    def value(self, tool_name: str, /, **arguments: Any) -> dict[str, Any]:
        """Call a tool that succeeds and return its structured result."""
        answer = self.tool(tool_name, **arguments)
        assert answer.status_code == 200, answer.text
        result = answer.json()["result"]
        assert not result.get("isError"), result
        return dict(result["structuredContent"])

    def trouble(self, tool_name: str, /, **arguments: Any) -> str:
        """Call a tool that refuses and return what it says."""
        answer = self.tool(tool_name, **arguments)
        assert answer.status_code == 200, answer.text
        result = answer.json()["result"]
        assert result["isError"] is True
        return str(result["content"][0]["text"])


@pytest.fixture
def callers(live: str) -> Iterator[Callable[..., Caller]]:
    """Return a maker of callers: token, version."""
    stack = ExitStack()

    def make(token: str, version: str = NOW) -> Caller:
        caller = Caller(live, token, version)
        stack.enter_context(caller.http)
        return caller

    with stack:
        yield make
