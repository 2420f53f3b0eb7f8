"""How tests ask: one prompt in, the joined reply out."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, TypeVar

from django.conf import settings

from llm.catalog import provider_config
from llm.client.client import stream_from
from llm.client.types import (
    Dialect,
    Finished,
    Prompt,
    PromptMessage,
    PromptPart,
    ProviderCall,
    ProviderConfig,
    ProviderEvent,
    ProviderMetadata,
    Quirks,
    Reasoning,
    ReasoningDelta,
    RequestedCall,
    Text,
    TextDelta,
    ToolDeclaration,
    ToolResult,
)

T = TypeVar("T")
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
SEARCH = ToolDeclaration("search", "Finds things.", SCHEMA)
CLOCK = ToolDeclaration("clock", "Tells the time.", {"type": "object", "properties": {}})
SEARCH_MOON: dict[str, Any] = {"name": "search", "arguments": {"q": "møøn \n🦊"}}
CALL_OF_SEARCH = RequestedCall("c1", "search", '{"q": "moon"}'), ToolResult("c1", "search", "Far away.")


@dataclass
class Reply:
    text: str = ""
    reasoning: str = ""
    end: Finished | None = None
    events: list[ProviderEvent] = field(default_factory=list)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """Names and arguments, which must be whole."""
        return [(call.name, json.loads(call.arguments)) for call in self.of(RequestedCall)]

    @property
    def parts(self) -> tuple[PromptPart, ...]:
        """What of the reply would go back, adjacent text joined."""
        kinds = {TextDelta: Text, ReasoningDelta: Reasoning}
        parts: list[PromptPart] = []
        for kind, group in groupby(self.events, type):
            if kind in kinds:
                parts.append(kinds[kind]("".join(each.text for each in group)))  # type: ignore[union-attr]
            elif kind in (RequestedCall, ProviderMetadata):
                parts += group  # type: ignore[arg-type]
        return tuple(parts)


def scripted(**fields: Any) -> str:
    """Write a question that tells the fake how to answer."""
    return f"A question.\n!fake {json.dumps(fields)}"


def prompt(text: str, *before: PromptMessage, system: str = "", **params: Any) -> Prompt:
    return Prompt("", system, (*before, PromptMessage("user", text)), params)


def running(*parts: PromptPart, script: str = "Go on.", tools: tuple[ToolDeclaration, ...] = ()) -> Prompt:
    """Ask to go on with a reply of which there are these parts."""
    text = "".join(part.text for part in parts if isinstance(part, Text))
    return Prompt("", "", (PromptMessage("user", script), PromptMessage("assistant", text, parts)), tools=tools)


DIALECTS: dict[str, Dialect] = {
    "openai": "openai_chat",
    "responses": "openai_responses",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "demo": "demo",
}


def provider_of(vendor: str, quirks: Quirks | None = None) -> ProviderConfig:
    """Describe a vendor as the settings have it; `responses` is OpenAI's other dialect."""
    name = "openai" if vendor == "responses" else vendor
    address, key = (getattr(settings, f"{name.upper()}_{what}", "") for what in ("BASE_URL", "API_KEY"))
    own = provider_config(name).quirks if vendor == "openai" else Quirks()
    return ProviderConfig(name, DIALECTS[vendor], address, key, quirks or own)


def model_of(vendor: str) -> str:
    return str(getattr(settings, f"{provider_of(vendor).name.upper()}_MODEL", "demo"))


def reply_of(
    vendor: str, asked: Prompt, on_call: Callable[[ProviderCall], None] | None = None, quirks: Quirks | None = None
) -> AsyncGenerator[ProviderEvent, None]:
    return stream_from(provider_of(vendor, quirks), replace(asked, model=asked.model or model_of(vendor)), on_call)


async def ask(
    vendor: str,
    question: str | Prompt,
    on_call: Callable[[ProviderCall], None] | None = None,
    quirks: Quirks | None = None,
) -> Reply:
    reply = Reply()
    asked = prompt(question) if isinstance(question, str) else question
    async with aclosing(reply_of(vendor, asked, on_call, quirks)) as events:
        async for event in events:
            reply.events.append(event)
            match event:
                case TextDelta(text):
                    reply.text += text
                case ReasoningDelta(text):
                    reply.reasoning += text
                case Finished():
                    assert reply.end is None
                    reply.end = event
    return reply


async def converse(vendor: str, asked: Prompt, *outputs: str) -> list[Reply]:
    """Ask, answer every call of each step with that step's output, until there are no outputs left."""
    replies, parts = [await ask(vendor, asked)], ()
    for output in outputs:
        results = [ToolResult(call.id, call.name, output) for call in replies[-1].of(RequestedCall)]
        parts = (*parts, *replies[-1].parts, *results)
        running = PromptMessage("assistant", "".join(each.text for each in replies), parts)
        replies.append(await ask(vendor, replace(asked, messages=(*asked.messages, running))))
    return replies


async def until(condition: Callable[[], bool], seconds: float = 20) -> float:
    """Wait for something on the server's side; return how long it took."""
    start = time.perf_counter()
    while not condition():
        assert time.perf_counter() - start < seconds, "waited too long"
        await asyncio.sleep(0.001)
    return time.perf_counter() - start
