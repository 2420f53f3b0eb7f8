"""The demo with tools and formulas: what it calls, and what it makes of the results."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from llm.client.types import PromptMessage, RequestedCall, ToolDeclaration, ToolInputDelta, ToolResult
from llm.tests.asking import Reply, ask, converse, prompt

pytestmark = pytest.mark.asyncio


def tool(name: str, required: list[str], **properties: str) -> ToolDeclaration:
    described = {field: {"type": kind} for field, kind in properties.items()}
    return ToolDeclaration(name, "", {"type": "object", "properties": described, "required": required})


SAVE = tool("save_note", ["content"], content="string", title="string")
SEARCH = tool("search_notes", ["query"], query="string", limit="integer")
LIST = tool("list_notes", [], tag="string", limit="integer")
COUNT = tool("count_to", ["number"], number="integer")
ALL = (SAVE, SEARCH, COUNT, LIST)


@pytest.fixture(autouse=True)
def at_once(settings: Settings) -> None:
    settings.DEMO_DELAY = 0


async def said(question: str, *tools: ToolDeclaration) -> Reply:
    return await ask("demo", replace(prompt(question), tools=tools))


@pytest.mark.parametrize(
    ("question", "call"),
    [
        ("Please use a tool", ("list_notes", {})),
        ("Which Tools have you?", ("list_notes", {})),
        ('Use a tool to find "blue moon"', ("search_notes", {"query": "blue moon"})),
        ("tool „Mond“", ("search_notes", {"query": "Mond"})),
        ("Call list_notes", ("list_notes", {})),
        ('save_note "Milk & 🥚"', ("save_note", {"content": "Milk & 🥚"})),
    ],
)
async def test_it_calls_what_fits(question: str, call: tuple[str, Any]) -> None:
    reply = await said(question, *ALL)

    assert reply.calls == [call]
    assert reply.text.startswith("**Demo model**")
    assert call[0] in reply.text
    assert "".join(each.text for each in reply.of(ToolInputDelta)) == reply.of(RequestedCall)[0].arguments
    assert reply.end is not None
    assert reply.end.reason == "tool_calls"


async def test_arguments_grow(settings: Settings) -> None:
    reply = await said('search_notes "a long text to look for"', *ALL)

    assert len(reply.of(ToolInputDelta)) > 5


@pytest.mark.parametrize(
    ("question", "tools", "text"),
    [
        ("Use a tool", (), "`DEFAULT_TOOLS`"),
        ("Use a tool", (SAVE, COUNT), "in quotes"),
        ("count_to three", ALL, "in quotes"),
        ("save_note", ALL, "in quotes"),
    ],
)
async def test_it_says_why_it_calls_none(question: str, tools: tuple[ToolDeclaration, ...], text: str) -> None:
    reply = await said(question, *tools)

    assert not reply.calls
    assert text in reply.text
    assert reply.end is not None
    assert reply.end.reason == "stop"


@pytest.mark.parametrize("question", ["How far is the moon?", "A stool", "list_notes_2", "my-list_notes"])
async def test_unasked_it_calls_nothing(question: str) -> None:
    assert await said(question, *ALL) == await said(question)


async def test_it_tells_what_came_back() -> None:
    asked = replace(prompt("Use a tool"), tools=ALL)
    output = "``` <script>alert(1)</script>\n" + "x" * 5000

    first, second = await converse("demo", asked, output)
    assert (first, second) == tuple(await converse("demo", asked, output))

    assert "**Demo model** – `list_notes` answered:" in second.text
    fence = re.search(r"^(`{4,})text$", second.text, re.MULTILINE)
    assert fence is not None
    assert len(second.text) < 1300
    assert not second.calls


async def test_it_tells_of_failures_and_of_each_result() -> None:
    calls = [RequestedCall(f"c{n}", name, "{}") for n, name in enumerate(("list_notes", "*evil*"))]
    results = ToolResult("c0", "list_notes", "Three."), ToolResult("c1", "*evil*", "", is_error=True)
    running = PromptMessage("assistant", "", (*calls, *results))

    reply = await ask("demo", replace(prompt(""), messages=(PromptMessage("user", "tool"), running)))

    assert "`list_notes` answered" in reply.text
    assert "`_evil_` failed" in reply.text


async def test_a_second_question_calls_again_with_another_id() -> None:
    asked = replace(prompt("Use a tool"), tools=ALL)
    first, second = await converse("demo", asked, "Three.")
    parts = (*first.parts, ToolResult(first.of(RequestedCall)[0].id, "list_notes", "Three."), *second.parts)
    history = (*asked.messages, PromptMessage("assistant", first.text + second.text, parts))

    reply = await ask("demo", replace(asked, messages=(*history, PromptMessage("user", "A tool again"))))

    assert [json.loads(call.arguments) for call in reply.of(RequestedCall)] == [{}]
    assert reply.of(RequestedCall)[0].id != first.of(RequestedCall)[0].id


async def test_a_formula_on_request() -> None:
    reply = await said("Show me a formula")

    assert re.search(r"^\$\$\n.+\\frac\{14\}\{4\} \\approx 3\.50\n\$\$$", reply.text, re.MULTILINE)
    assert "$$" not in (await said("Show me a form")).text
