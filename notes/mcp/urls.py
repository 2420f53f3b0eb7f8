"""The address of MCP, as clients are given it; it is also matched by `settings.ASYNC_LANE_PATHS`."""

from common.urls import with_and_without_slash
from notes.mcp.view import McpView

mcp_patterns = [*with_and_without_slash("mcp", McpView.as_view(), "mcp")]
