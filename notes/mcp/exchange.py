"""One HTTP exchange through the `mcp` package, which knows both generations of the protocol.

Its session manager keeps nothing between requests when it is stateless, so each request has one of its own: nothing is
to be started and stopped with the server, and a reader that leaves cancels its own call only.
"""

import asyncio
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from common.json import dumps
from notes.mcp.call import Call
from notes.mcp.server import SCOPE_KEY, mcp_server

_FIXED = [(b"content-type", b"application/json"), (b"accept", b"application/json, text/event-stream")]
HEADERS = {"Cache-Control": "no-store"}


async def answer_call(request: HttpRequest, call: Call) -> HttpResponse:
    """Answer a call; raise what its tool could not say in JSON-RPC."""
    sent = await _carried(_scope_of(request, call), call.body)
    if call.failure is not None:
        raise call.failure
    # Written anew: the package escapes what is not ASCII, which makes six characters of one.
    body = dumps(orjson.loads(sent.body)) if sent.body else b""
    return HttpResponse(body, status=sent.status, content_type="application/json", headers=HEADERS)


def _scope_of(request: Any, call: Call) -> dict[str, Any]:
    """Return what the package is to know of a request: the protocol's own headers, and none of the credentials."""
    headers = [(name, value) for name, value in request.scope["headers"] if name.startswith(b"mcp-")]
    return {"type": "http", "method": "POST", "path": "/mcp", "query_string": b"", "http_version": "1.1",
            "scheme": "https", "headers": headers + _FIXED, SCOPE_KEY: call}  # fmt: skip


class _Sent:
    """Collects what the package answers."""

    def __init__(self) -> None:
        self.status, self.body = 500, bytearray()

    async def __call__(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")


async def _carried(scope: dict[str, Any], body: bytes) -> _Sent:
    sent, messages = _Sent(), iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        if message := next(messages, None):
            return message
        return await asyncio.Future()  # a reader that leaves cancels the task

    manager = StreamableHTTPSessionManager(
        mcp_server(), json_response=True, stateless=True, max_request_body_size=len(body) + 1
    )
    async with manager.run():
        await manager.handle_request(scope, receive, sent)
    return sent
