"""From the parts of a stored or running reply to what a model is shown of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from chats.parts import (
    DENIED,
    FILE,
    PROVIDER_METADATA,
    REASONING,
    TEXT,
    TOOL_CALL,
    TOOL_OUTPUT,
    TOOL_RESULT,
    Part,
    json_text,
)
from chats.rows import ASIDE
from llm.client.types import PromptMessage, PromptPart, ProviderMetadata, Reasoning, RequestedCall, Text, ToolResult

DENIAL = "The user did not allow this call."
NO_RESULT = "Nobody knows what became of this call: the server was interrupted."


class Beside:
    """What stands beside the parts of a reply: whole outputs, and what only a provider understands.

    An output is known by where its part begins; a provider's state by how long the reply was when it came.
    """

    def __init__(self) -> None:
        self.outputs: dict[int, str] = {}
        self.metadata: dict[int, list[ProviderMetadata]] = {}

    def metadata_between(self, start: int, stop: int) -> Iterator[ProviderMetadata]:
        """Yield what came behind one offset, up to another."""
        for at in sorted(self.metadata):
            if start < at <= stop:
                yield from self.metadata[at]


def reply_message(parts: Sequence[Part], beside: Beside | None = None, at: int = 0) -> PromptMessage:
    """Return a reply as a model is shown it; plain text where it is nothing else. `at` is the first part's offset."""
    text = "".join([_made(text) if kind == FILE else text for kind, text in parts if kind in (TEXT, FILE)])
    if all(kind != TOOL_CALL for kind, _ in parts):
        return PromptMessage("assistant", text)
    return PromptMessage("assistant", text, tuple(_in_rounds(_prompt_parts(parts, beside or Beside(), at))))


def _prompt_parts(parts: Sequence[Part], beside: Beside, at: int) -> Iterator[PromptPart]:
    names: dict[str, str] = {}
    yield from beside.metadata_between(at - 1, at)  # of a step that began with it
    for kind, text in parts:
        if kind == TEXT:
            yield from _text_parts(text, beside, at)
        elif kind == FILE:
            yield Text(_made(text))
        elif kind == REASONING:
            yield Reasoning(text)
        elif kind == TOOL_CALL:
            call = orjson.loads(text)
            names[call["id"]] = call["name"]
            yield RequestedCall(call["id"], call["name"], _arguments(call["input"]))
        elif kind == TOOL_RESULT:
            result = orjson.loads(text)
            yield _result(result, names[result["id"]], beside.outputs.get(at))
        if kind != TEXT:
            yield from beside.metadata_between(at, at + len(text))
        at += len(text)


def _made(text: str) -> str:
    """Tell of a file that the model has made; it is shown with the question after it, for none is taken in replies."""
    return f"\n[You made a file here: {orjson.loads(text)['file']['name']}]\n"


def _text_parts(text: str, beside: Beside, at: int) -> Iterator[PromptPart]:
    """Cut a text where a provider's state came: it goes back between the same words."""
    stop, start = at + len(text), at
    for cut in sorted({*filter(lambda place: at < place < stop, beside.metadata), stop}):
        yield Text(text[start - at : cut - at])
        yield from beside.metadata_between(start, cut)
        start = cut


def _arguments(given: Any) -> str:
    """Return what a model wrote: text stands for arguments that were no JSON object."""
    return given if isinstance(given, str) else orjson.dumps(given).decode()


def _result(result: Mapping[str, Any], name: str, whole: str | None) -> ToolResult:
    if result["state"] == DENIED:
        reason = result.get("error")
        return ToolResult(result["id"], name, f"{DENIAL} {reason}" if reason else DENIAL, is_error=True)
    if "error" in result:
        return ToolResult(result["id"], name, result["error"], is_error=True)
    return ToolResult(result["id"], name, result["output"] if whole is None else whole)


def _in_rounds(parts: Iterator[PromptPart]) -> Iterator[PromptPart]:
    """See that every call has its result before the next text: models refuse a history in which one is missing."""
    open_calls: dict[str, str] = {}
    for part in parts:
        if isinstance(part, Text | Reasoning):
            yield from _missing(open_calls)
            open_calls.clear()
        elif isinstance(part, RequestedCall):
            open_calls[part.id] = part.name
        elif isinstance(part, ToolResult):
            open_calls.pop(part.call, None)
        yield part
    yield from _missing(open_calls)


def _missing(calls: Mapping[str, str]) -> list[ToolResult]:
    return [ToolResult(id_, name, NO_RESULT, is_error=True) for id_, name in calls.items()]


def beside_of(chunks: Sequence[tuple[int, str, str]]) -> Beside:
    """Return what is stored beside a reply."""
    beside = Beside()
    for key, kind, text in chunks:
        at = (key - ASIDE) // 2
        if kind == TOOL_OUTPUT:
            beside.outputs[at] = text
        elif kind == PROVIDER_METADATA:
            beside.metadata[at] = [ProviderMetadata(*each) for each in orjson.loads(text)]
    return beside


def output_chunk(at: int, output: str) -> tuple[int, str, str]:
    """Return the chunk that keeps the whole output of the result that begins at an offset."""
    return ASIDE + 2 * at, TOOL_OUTPUT, output


def metadata_chunk(at: int, found: Sequence[ProviderMetadata]) -> tuple[int, str, str]:
    """Return the chunk that keeps what came when the reply was so long; even and odd keys keep the kinds apart."""
    return ASIDE + 2 * at + 1, PROVIDER_METADATA, json_text([[each.provider, each.model, each.value] for each in found])
