"""How tests ask: one prompt in, the joined reply out."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from llm.catalog import resolve
from llm.client.client import stream
from llm.client.types import Finished, Prompt, PromptMessage, ProviderEvent, ReasoningDelta, TextDelta


@dataclass
class Reply:
    text: str = ""
    reasoning: str = ""
    end: Finished | None = None


def scripted(**fields: Any) -> str:
    """Write a question that tells the fake how to answer."""
    return f"A question.\n!fake {json.dumps(fields)}"


def prompt(text: str, *before: PromptMessage, system: str = "", **params: float) -> Prompt:
    return Prompt("", system, (*before, PromptMessage("user", text)), params)


def reply_of(
    name: str, asked: Prompt, on_attempt: Callable[[int], None] | None = None
) -> AsyncGenerator[ProviderEvent, None]:
    model = resolve(name)
    return stream(model.provider, replace(asked, model=model.id), on_attempt)


async def ask(vendor: str, question: str | Prompt, on_attempt: Callable[[int], None] | None = None) -> Reply:
    reply = Reply()
    asked = prompt(question) if isinstance(question, str) else question
    async with aclosing(reply_of(vendor, asked, on_attempt)) as events:
        async for event in events:
            match event:
                case TextDelta(text):
                    reply.text += text
                case ReasoningDelta(text):
                    reply.reasoning += text
                case Finished():
                    assert reply.end is None
                    reply.end = event
    return reply


async def until(condition: Callable[[], bool], seconds: float = 2) -> float:
    """Wait for something on the server's side; return how long it took."""
    start = time.perf_counter()
    while not condition():
        assert time.perf_counter() - start < seconds, "waited too long"
        await asyncio.sleep(0.001)
    return time.perf_counter() - start
