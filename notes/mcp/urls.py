"""The address of MCP, as clients are given it; it is also matched by `settings.LEAN_PATHS`."""

from common.urls import both
from notes.mcp.view import McpView

mcp_patterns = [*both("mcp", McpView.as_view(), "mcp")]
