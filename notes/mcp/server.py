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
from notes.mcp.catalog import INSTRUCTIONS, TOOLS, McpTool
from notes.mcp.results import refusal_text, structured
from notes.mcp.tools import run

SCOPE_KEY = "parley.call"
TOLD = (400, 404, 409)  # refusals that a model can do something about are a tool's own; others are HTTP's
LIST_TTL_MS = 300_000


@cache
def mcp_server() -> "Server[Any]":
    """Return the one server of this process; it has no state."""
    made: Server[Any] = Server(
        "parley-notes", version=settings.VERSION, title="Parley notes", instructions=INSTRUCTIONS,
        cache_hints={
            "tools/list": CacheHint(LIST_TTL_MS, "public"), "server/discover": CacheHint(LIST_TTL_MS, "public"),
        },
        get_tool_input_schema=lambda name: TOOLS[name].input_schema if name in TOOLS else None,
        on_list_tools=_list, on_call_tool=_call,
    )  # fmt: skip
    made.middleware.clear()  # spans for OpenTelemetry, which is not used here
    return made


async def _list(context: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    if params is not None and params.cursor is not None:
        raise MCPError(types.INVALID_PARAMS, "There is one page of tools.")
    return types.ListToolsResult(tools=[_described(tool) for tool in TOOLS.values()])


def _described(tool: McpTool) -> types.Tool:
    hints = types.ToolAnnotations(
        title=tool.title,
        read_only_hint=not tool.writes,
        destructive_hint=False,
        idempotent_hint=True,
        open_world_hint=False,
    )
    return types.Tool(
        name=tool.name, title=tool.title, description=tool.description, annotations=hints,
        input_schema=tool.input_schema, output_schema=tool.output_schema,
        _meta={"securitySchemes": [{"type": "oauth2", "scopes": [tool.scope]}]},
    )  # fmt: skip


async def _call(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
    call: Call = context.request.scope[SCOPE_KEY]
    tool = TOOLS.get(params.name)
    if tool is None:
        raise MCPError(types.INVALID_PARAMS, "There is no such tool.")
    try:
        call.grant.require(tool.scope)
        where = database().write if tool.writes else database().read
        return _told(await where(run, tool, call.grant.user.pk, params.arguments or {}))
    except Exception as error:
        refusal = as_refusal(error)
        if refusal is None or refusal.status not in TOLD:
            call.failure = refusal or error
            raise MCPError(types.INTERNAL_ERROR, "The call failed.") from error
        text = types.TextContent(type="text", text=refusal_text(refusal))
        return types.CallToolResult(content=[text], is_error=True)


def _told(result: dict[str, Any]) -> types.CallToolResult:
    value, text = structured(result)
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], structured_content=value)
