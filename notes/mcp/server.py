"""The tools as the `mcp` package serves them: which there are, and what becomes of a call."""

from functools import cache
from typing import Any

import mcp.types as types
from django.conf import settings
from mcp.server.caching import CacheHint
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from common.executor import database
from common.problems import as_refusal
from notes.mcp.call import Call
from notes.mcp.catalog import INSTRUCTIONS, OUTPUTS, TOOLS, scope_of
from notes.mcp.results import structured
from tools.calls import refusal_text
from tools.functions import Caller, Tool

SCOPE_KEY = "parley.call"
TOLD = (400, 404, 409)  # refusals that a model can do something about are a tool's own; others are HTTP's
MAX_REFUSAL = 2_000
LIST_TTL_MS = 300_000


@cache
def mcp_server() -> "Server[Any]":
    """Return the one server of this process; it has no state."""
    made: Server[Any] = Server(
        "parley-notes", version=settings.VERSION, title="Parley notes", instructions=INSTRUCTIONS,
        cache_hints={
            "tools/list": CacheHint(LIST_TTL_MS, "public"), "server/discover": CacheHint(LIST_TTL_MS, "public"),
        },
        get_tool_input_schema=lambda name: TOOLS[name].parameters if name in TOOLS else None,
        on_list_tools=_list, on_call_tool=_call,
    )  # fmt: skip
    made.middleware.clear()  # spans for OpenTelemetry, which is not used here
    return made


async def _list(context: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    if params is not None and params.cursor is not None:
        raise MCPError(types.INVALID_PARAMS, "There is one page of tools.")
    return types.ListToolsResult(tools=_DESCRIBED)


def _described(tool: Tool) -> types.Tool:
    hints = types.ToolAnnotations(
        title=tool.title,
        read_only_hint=tool.reads,
        destructive_hint=False,
        idempotent_hint=True,
        open_world_hint=False,
    )
    return types.Tool(
        name=tool.name, title=tool.title, description=tool.description, annotations=hints,
        input_schema=tool.parameters, output_schema=OUTPUTS[tool.name],
        _meta={"securitySchemes": [{"type": "oauth2", "scopes": [scope_of(tool)]}]},
    )  # fmt: skip


_DESCRIBED = [_described(tool) for tool in TOOLS.values()]  # on the thread that imports this: it makes the schemas


async def _call(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    call: Call = context.request.scope[SCOPE_KEY]
    tool = TOOLS.get(params.name)
    if tool is None:
        raise MCPError(types.INVALID_PARAMS, "There is no such tool.")
    try:
        call.grant.require(scope_of(tool))
        where = database().read if tool.reads else database().write
        return _told(await where(_run, tool, Caller(call.grant.user.pk), params.arguments or {}))
    except Exception as error:
        refusal = as_refusal(error)
        if refusal is None or refusal.status not in TOLD:
            call.failure = refusal or error
            raise MCPError(types.INTERNAL_ERROR, "The call failed.") from error
        text = types.TextContent(type="text", text=f"{refusal.code}: {refusal_text(refusal)}"[:MAX_REFUSAL])
        return types.CallToolResult(content=[text], is_error=True)


def _run(tool: Tool, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    return tool.function(caller, **tool.checked(arguments))  # type: ignore[no-any-return]


def _told(result: dict[str, Any]) -> types.CallToolResult:
    value, text = structured(result)
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], structured_content=value)
