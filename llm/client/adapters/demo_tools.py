"""How the demo uses tools: by words that the prompt holds, not by understanding any."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from llm.client.adapters.fencing import fenced, shortened
from llm.client.adapters.rounds import rounds
from llm.client.types import Prompt, RequestedCall, ToolDeclaration, ToolResult

ASKS_FOR_TOOL = re.compile(r"\btool", re.IGNORECASE).search
QUOTED = re.compile(r'"([^"\n]{1,200})"|“([^”\n]{1,200})”|„([^“\n]{1,200})“|«([^»\n]{1,200})»')
SEARCH, LIST = "search_notes", "list_notes"
OUTPUT_LENGTH = 1000
CALLING = "**Demo model** – no AI is at work here, but the tool is a real one. I call `{name}`."
REPORT = "\n\n**Demo model** – `{name}` {became}:\n\n{output}\n\nA real model would go on from here in its own words."
NONE_OFFERED = "You ask for a tool, but none is offered here. `DEFAULT_TOOLS` in `.env` turns tools on.\n\n"
NONE_FITS = "You ask for a tool, but I cannot fill in what it needs. Name it, and put each text for it in quotes.\n\n"


def chosen_call(question: str, prompt: Prompt) -> RequestedCall | None:
    """Choose the tool that a question names, else one that does no harm; None where none can be called."""
    named = [tool for tool in prompt.tools if _is_named(tool, question)]
    if not named and not ASKS_FOR_TOOL(question):
        return None
    quotes = ["".join(found) for found in QUOTED.findall(question)]
    for tool in named or _usual(prompt.tools, quotes):
        arguments = _arguments(tool, quotes if named or tool.name == SEARCH else ())
        if arguments is not None:
            return RequestedCall(_next_id(prompt), tool.name, json.dumps(arguments, ensure_ascii=False))
    return None


def excuse(question: str, tools: Sequence[ToolDeclaration]) -> str:
    """Say why no tool is called although the question asks for one."""
    if not ASKS_FOR_TOOL(question) and not any(_is_named(tool, question) for tool in tools):
        return ""
    return NONE_FITS if tools else NONE_OFFERED


def report(prompt: Prompt) -> str:
    """Say what the last round of tools gave; empty where the prompt does not end with one."""
    *_, last = rounds(prompt.messages[-1].parts)
    return "".join(_told(result) for result in last.results)


def _told(result: ToolResult) -> str:
    output = fenced(shortened(result.output, OUTPUT_LENGTH))
    name = re.sub(r"[^\w-]", "_", result.name)
    return REPORT.format(name=name, became="failed" if result.is_error else "answered", output=output)


def _is_named(tool: ToolDeclaration, question: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(tool.name)}(?![\w-])", question) is not None


def _usual(tools: Sequence[ToolDeclaration], quotes: Sequence[str]) -> list[ToolDeclaration]:
    """Put first what people try first."""
    order = [SEARCH, LIST] if quotes else [LIST]
    return sorted(tools, key=lambda tool: order.index(tool.name) if tool.name in order else len(order))


def _arguments(tool: ToolDeclaration, quotes: Sequence[str]) -> dict[str, str] | None:
    """Fill what a tool requires with what was quoted; None where that is not enough."""
    properties: Mapping[str, Any] = tool.parameters.get("properties") or {}
    required: list[str] = list(tool.parameters.get("required") or ())
    if any((properties.get(name) or {}).get("type") != "string" for name in required):
        return None
    names = required or [name for name in properties if name == "query"]
    filled = dict(zip(names, quotes, strict=False))
    return filled if filled.keys() >= set(required) else None


def _next_id(prompt: Prompt) -> str:
    """Count the calls so far, for the demo says the same each time."""
    calls = sum(isinstance(part, RequestedCall) for message in prompt.messages for part in message.parts)
    return f"demo_{calls + 1}"
