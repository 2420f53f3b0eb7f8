"""The address of MCP, as clients are given it."""

from common.urls import with_and_without_slash
from notes.mcp.view import McpView

mcp_patterns = [*with_and_without_slash("mcp", McpView.as_view(), "mcp")]
