"""The blocks of an Anthropic message, put together from their deltas."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from common.text import is_storable, repaired
from llm.client.adapters.fields import label, members, objects, opaque, text_or_nothing
from llm.client.adapters.sources import Sources
from llm.client.adapters.spoken import spoken
from llm.client.adapters.tool_calls import MAX_ID, MAX_NAME, CallLimits, arguments_text, object_text
from llm.client.sanitize import Sanitizer
from llm.client.types import (
    ProviderEvent,
    ProviderMetadata,
    ReasoningDelta,
    RequestedCall,
    TextDelta,
    ToolInputDelta,
)

TEXT, THINKING, TOOL_USE = "text", "thinking", "tool_use"


@dataclass(slots=True)
class _Block:
    value: dict[str, Any]
    kind: Any
    id: str = ""  # ours, of a call
    pieces: list[str] = field(default_factory=list)  # of its text, its thoughts or its JSON
    signature: str = ""
    sanitizer: Sanitizer = field(default_factory=Sanitizer)  # of its JSON

    @property
    def name(self) -> str:
        return label(self.value.get("name"), MAX_NAME)


class Blocks:
    """Reads blocks; `said` are those that are whole, as they go back where the provider has only paused."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider, self._model = provider, model
        self._open: dict[Any, _Block] = {}
        self._was_thought = False
        self._limits, self._sources = CallLimits(provider), Sources()
        self.has_text = False
        self.said: list[Any] = []

    @property
    def has_calls(self) -> bool:
        return self._limits.has_calls

    def begin(self, index: Any, value: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Begin a block, which may bring its first text along; one that stood in its place has ended unsaid."""
        yield from self.finish(index)
        block = self._open[str(index)] = _Block(value, value.get("type"))
        if block.kind == TOOL_USE:
            block.id = self._limits.begin(label(value.get("id"), MAX_ID))
        if block.kind == THINKING and self._was_thought:
            yield ReasoningDelta("\n\n")
        self._was_thought = block.kind == THINKING
        if block.kind in (TEXT, THINKING):
            yield from self._said(block, value.get(block.kind))
        for citation in objects(value.get("citations")):
            yield from self._cited(citation)

    def grow(self, index: Any, delta: Any) -> Iterator[ProviderEvent]:
        """Add a delta to its block; one that was not begun is text or a thought."""
        kind = members(delta).get("type")
        block = self._open.get(str(index)) or _Block({}, THINKING if kind == "thinking_delta" else TEXT)
        if kind == "text_delta":
            yield from self._said(block, delta.get(TEXT))
        elif kind == "thinking_delta":
            yield from self._said(block, delta.get(THINKING))
        elif kind == "input_json_delta":
            yield from self._input(block, block.sanitizer.feed(arguments_text(delta.get("partial_json"))))
        elif kind == "signature_delta":
            block.signature += text_or_nothing(delta.get("signature"))
        elif kind == "citations_delta" and (citation := members(delta.get("citation"))):
            block.value = {**block.value, "citations": [*objects(block.value.get("citations")), citation]}
            yield from self._cited(citation)

    def finish(self, index: Any) -> Iterator[ProviderEvent]:
        """End a block; what only Anthropic understands of it goes back with what follows."""
        if block := self._open.pop(str(index), None):
            yield from self._whole(block, "".join(block.pieces))

    def rest(self) -> Iterator[ProviderEvent]:
        """End the blocks whose end nobody has told."""
        for index in list(self._open):
            yield from self.finish(index)

    def _said(self, block: _Block, value: Any) -> Iterator[ProviderEvent]:
        for event in spoken(value, ReasoningDelta if block.kind == THINKING else TextDelta):
            self.has_text = self.has_text or isinstance(event, TextDelta)
            block.pieces.append(event.text)
            yield event

    def _input(self, block: _Block, text: str) -> Iterator[ProviderEvent]:
        if text:
            self._limits.count_text(text)
            block.pieces.append(text)
            if block.id:
                yield ToolInputDelta(block.id, block.name, text)

    def _cited(self, citation: dict[str, Any]) -> Iterator[ProviderEvent]:
        yield from self._sources.read(citation, "url" if "url" in citation else "source")

    def _whole(self, block: _Block, text: str) -> Iterator[ProviderEvent]:
        if block.kind == TEXT:
            self.said += [{**block.value, "type": TEXT, "text": text}] if text else []
        elif block.kind == TOOL_USE:
            arguments = text or repaired(arguments_text(block.value.get("input"))) or "{}"
            self.said.append({**block.value, "input": orjson.loads(object_text(arguments))})
            if not text:
                self._limits.count_text(arguments)
            yield RequestedCall(block.id, block.name, arguments)
        elif block.kind == THINKING:
            signature = block.signature or text_or_nothing(block.value.get("signature"))
            if signature and is_storable(signature):  # a stream that was cut signs nothing, and it would be refused
                yield from self._kept({**block.value, THINKING: text, "signature": signature})
        else:
            yield from self._kept({**block.value, **({"input": orjson.loads(object_text(text))} if text else {})})

    def _kept(self, value: dict[str, Any]) -> Iterator[ProviderMetadata]:
        if opaque(value):
            self.said.append(value)
            yield ProviderMetadata(self._provider, self._model, value)
