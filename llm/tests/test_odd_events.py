"""Every field of every event besides the text, made odd in turn: no reply is lost by one, in any dialect."""

import copy
from collections.abc import Iterator
from typing import Any

import aiohttp
import orjson
import pytest

from llm.client.adapters.anthropic import AnthropicReader
from llm.client.adapters.base import Reader
from llm.client.adapters.gemini import GeminiReader
from llm.client.adapters.openai_chat import OpenAIChatReader
from llm.client.adapters.openai_responses import ResponsesReader
from llm.client.types import (
    CitedSource,
    ProviderMetadata,
    ReasoningDelta,
    RequestedCall,
    TextDelta,
    ToolInputDelta,
)
from llm.testing import FakeProvider, Script
from llm.testing.dialect import Call
from llm.testing.server import DIALECTS
from llm.tests.asking import SEARCH_MOON, ask, scripted

READERS: dict[str, type[Reader]] = {
    "openai": OpenAIChatReader,
    "responses": ResponsesReader,
    "anthropic": AnthropicReader,
    "gemini": GeminiReader,
}
SCRIPT = Script.from_json({
    "reasoning": "Hm.", "chunks": ["So ", "it ", "is."], "calls": [SEARCH_MOON, {"name": "clock"}], "signature": "c2ln",
    "sources": ["https://a.example/"], "oddities": ["redacted_thinking", "phase"],
})  # fmt: skip
CALL = Call("m", "Hello", 0, stream=True, include_usage=True, prompt_tokens=9)
ODD: list[Any] = [
    None, "", 0, -1, 10**30, 1.5, True, [], {}, [None], {"a": None}, "x" * 300, "nul\0", "half \ud83d", "https://b.example/",
]  # fmt: skip
# What says what is said, or which way to read it, or that it is an error.
TELLING = {"text", "delta", "content", "type", "partial_json", "thinking", "thought", "object", "refusal", "error"}


def events_of(vendor: str) -> list[dict[str, Any]]:
    dialect = DIALECTS[vendor]
    deltas = [dialect.delta(text, SCRIPT, CALL) for text in SCRIPT.deltas("")]
    return copy.deepcopy([
        *dialect.opening(SCRIPT, CALL), *deltas, *dialect.extras(SCRIPT, CALL), *dialect.ending(SCRIPT, CALL, 3)
    ])  # fmt: skip


def fields_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place in a value that holds no other, with what it stands in."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        if isinstance(value[key], dict | list) and value[key]:
            yield from fields_of(value[key])
        elif key not in TELLING:
            yield value, key


def read(vendor: str, events: list[dict[str, Any]]) -> tuple[str, list[Any], Any]:
    reader = READERS[vendor]("provider", "m")  # type: ignore[call-arg]
    found = [each for event in events for each in reader.read(event)]
    end = reader.end()
    found += list(reader.rest()) if end else []
    return "".join(each.text for each in found if isinstance(each, TextDelta)), found, end


def check(events: list[Any]) -> None:
    """See that all of it could be stored and sent on."""
    for each in events:
        match each:
            case RequestedCall(id_, name, arguments) | ToolInputDelta(id_, name, arguments):
                assert 0 < len(id_) <= 40
                assert len(name) <= 64
                orjson.dumps([id_, name, arguments])
                assert "\0" not in id_ + name
            case ProviderMetadata(_, _, value):
                orjson.dumps(value)
            case CitedSource(url, title):
                assert url.startswith("http")
                assert "\0" not in title


@pytest.mark.parametrize("vendor", list(READERS))
def test_no_odd_field_loses_the_reply(vendor: str) -> None:
    events, count = events_of(vendor), 0
    for event in events:
        for place, key in list(fields_of(event)):
            usual = place[key]
            for odd in ODD:
                place[key] = odd
                text, found, end = read(vendor, events)
                assert text == "So it is.", (event, key, odd)
                is_reason = key in ("finish_reason", "finishReason", "stop_reason")
                assert end is not None or is_reason, (event, key, odd)
                if end:
                    assert 0 < len(end.model) <= 200
                    assert end.usage is None or 0 <= end.usage.prompt <= 10**9
                check(found)
                count += 1
            place[key] = usual
    assert count > 300


@pytest.mark.parametrize("vendor", list(READERS))
def test_no_event_of_any_shape_is_stumbled_over(vendor: str) -> None:
    """Whole objects, too: what cannot be read is left out, and the rest of the reply is read."""
    events = events_of(vendor)
    for number, event in enumerate(events):
        for key in event.keys() - {"type"}:
            for odd in ODD:
                read(vendor, [*events[:number], {**event, key: odd}, *events[number + 1 :]])


@pytest.mark.asyncio
@pytest.mark.parametrize("vendor", ["responses", "anthropic"])
async def test_an_answer_without_a_stream_tells_as_much(fake: FakeProvider, vendor: str) -> None:
    """A server that does not stream answers with JSON; its body is the fake's own answer to the same question."""
    script = scripted(
        reasoning="First.\n\nThen.", text="So.", calls=[SEARCH_MOON, {"name": "clock"}], sources=["https://a.example/"]
    )
    streamed = await ask(vendor, script)
    request = fake.requests()[0]
    headers = {"anthropic-version": "2023-06-01"}
    async with aiohttp.ClientSession(headers=headers) as session:
        asked = {**request["body"], "stream": False}
        answer = await (await session.post(fake.url + request["path"], json=asked)).text()

    whole = await ask(vendor, scripted(answer=answer, content_type="application/json"))
    assert (whole.text, whole.reasoning, whole.calls) == (streamed.text, streamed.reasoning, streamed.calls)
    for kind in (ProviderMetadata, CitedSource, RequestedCall):
        assert whole.of(kind) == streamed.of(kind)
    assert whole.of(ReasoningDelta)
    assert whole.end is not None
    assert whole.end.reason == "tool_calls"
