"""`/mcp`: Model Context Protocol over streamable HTTP, for apps that a user let in.

Every answer is one JSON document and nothing is remembered between two requests, so any process serves any client.
The server never sends of its own accord: there is no stream to GET and no session to DELETE (405).
"""

import asyncio
from importlib import import_module
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.oauth.resource_server import GrantedAccess
from accounts.security.origins import require_known_origin
from common.views import AsyncView
from notes.mcp.authentication import authenticated
from notes.mcp.call import read_call
from notes.mcp.errors import rpc_refusal

_exchange: Any = None


class McpView(AsyncView):
    schema = None  # its contract is MCP's
    refusal_response = staticmethod(rpc_refusal)

    async def authenticate(self, request: HttpRequest) -> GrantedAccess:
        require_known_origin(request)
        return await authenticated(request)

    async def post(self, request: HttpRequest, grant: GrantedAccess) -> HttpResponse:
        """Answer one JSON-RPC message of either generation of the protocol."""
        call = await read_call(request, grant)
        module = await _loaded()
        return await module.answer_call(request, call)  # type: ignore[no-any-return]


async def _loaded() -> Any:
    """Return `notes.mcp.exchange`, imported on first use: 0.8 s and 28 MiB, on a thread, while streams go on."""
    global _exchange
    if _exchange is None:
        _exchange = await asyncio.to_thread(import_module, "notes.mcp.exchange")
    return _exchange
