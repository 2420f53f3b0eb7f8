"""The notes as MCP tools. The `mcp` package is imported by the first call, by nothing else: see `notes.mcp.view`."""
