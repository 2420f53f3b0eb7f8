"""`/mcp`: Model Context Protocol over streamable HTTP, for apps that a user let in.

Every answer is one JSON document and nothing is remembered between two requests, so any process serves any client.
The server never sends of its own accord: there is no stream to GET and no session to DELETE (405).
"""

import asyncio
from importlib import import_module
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.security.origins import require_known_origin
from common.problems import ServerError, as_refusal, problem_response
from common.views import AsyncView
from notes.mcp.authentication import authenticated
from notes.mcp.call import read_call
from notes.mcp.errors import rpc_refusal

_exchange: Any = None


class McpView(AsyncView):
    schema = None  # its contract is MCP's

    async def post(self, request: HttpRequest) -> HttpResponse:
        """Answer one JSON-RPC message of either generation of the protocol."""
        require_known_origin(request)
        grant = await authenticated(request)
        call = await read_call(request, grant)
        module = await _loaded()
        return await module.answer_call(request, call)  # type: ignore[no-any-return]

    def refuse(self, request: HttpRequest, error: Exception) -> HttpResponse:
        refusal = as_refusal(error)
        if refusal is None:
            problem_response(request, error)  # logs it
            refusal = ServerError()
        return rpc_refusal(request, refusal)


async def _loaded() -> Any:
    """Return `notes.mcp.exchange`, imported on first use: 0.8 s and 28 MiB, on a thread, while streams go on."""
    global _exchange
    if _exchange is None:
        _exchange = await asyncio.to_thread(import_module, "notes.mcp.exchange")
    return _exchange
