"""The blocks of an Anthropic message, put together from their deltas."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from llm.client.adapters.base import text_or_nothing
from llm.client.adapters.sources import Sources
from llm.client.adapters.tool_calls import MAX_NAME, CallLimits, arguments_text, object_text
from llm.client.types import (
    ProviderEvent,
    ProviderMetadata,
    ReasoningDelta,
    RequestedCall,
    TextDelta,
    ToolInputDelta,
)


@dataclass(slots=True)
class _Block:
    value: dict[str, Any]
    id: str = ""  # ours, of a call
    pieces: list[str] = field(default_factory=list)  # of its text, its thoughts or its JSON
    signature: str = ""


class Blocks:
    """Reads blocks; `said` are those that are whole, as they go back where the provider has only paused."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider, self._model = provider, model
        self._open: dict[int, _Block] = {}
        self._was_thought = False
        self._limits, self._sources = CallLimits(provider), Sources()
        self.has_text = False
        self.said: list[Any] = []

    @property
    def has_calls(self) -> bool:
        return self._limits.has_calls

    def begin(self, index: int, value: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Begin a block, which may bring its first text along."""
        block = self._open[index] = _Block(value)
        kind = value.get("type")
        if kind == "tool_use":
            block.id = self._limits.begin(text_or_nothing(value.get("id")))
        if kind == "thinking" and self._was_thought:
            yield ReasoningDelta("\n\n")
        self._was_thought = kind == "thinking"
        if kind in ("text", "thinking") and (text := text_or_nothing(value.get(kind))):
            yield from self.grow(index, {"type": f"{kind}_delta", kind: text})

    def grow(self, index: int, delta: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Add a delta to its block."""
        block, kind = self._open[index], delta.get("type")
        if kind == "text_delta":
            if text := text_or_nothing(delta.get("text")):
                self.has_text = True
                block.pieces.append(text)
                yield TextDelta(text)
        elif kind == "thinking_delta":
            if text := text_or_nothing(delta.get("thinking")):
                block.pieces.append(text)
                yield ReasoningDelta(text)
        elif kind == "input_json_delta":
            yield from self._input(block, text_or_nothing(delta.get("partial_json")))
        elif kind == "signature_delta":
            block.signature += text_or_nothing(delta.get("signature"))
        elif kind == "citations_delta":
            yield from self._cited(block, delta.get("citation") or {})

    def finish(self, index: int) -> Iterator[ProviderEvent]:
        """End a block; what only Anthropic understands of it goes back with what follows."""
        block = self._open.pop(index)
        value, text = block.value, "".join(block.pieces)
        kind = value.get("type")
        if kind == "text":
            self.said += [{**value, "text": text}] if text else []
        elif kind == "tool_use":
            yield from self._called(block, text)
        elif kind != "thinking":
            yield self._kept({**value, "input": orjson.loads(object_text(text))} if text else value)
        elif signature := block.signature or text_or_nothing(value.get("signature")):
            yield self._kept({**value, "thinking": text, "signature": signature})

    def _input(self, block: _Block, text: str) -> Iterator[ProviderEvent]:
        if text:
            self._limits.count_text(text)
            block.pieces.append(text)
            if block.id:
                yield ToolInputDelta(block.id, text_or_nothing(block.value.get("name"))[:MAX_NAME], text)

    def _cited(self, block: _Block, citation: dict[str, Any]) -> Iterator[ProviderEvent]:
        block.value = {**block.value, "citations": [*(block.value.get("citations") or ()), citation]}
        yield from self._sources.read(citation, "url" if "url" in citation else "source")

    def _called(self, block: _Block, text: str) -> Iterator[ProviderEvent]:
        arguments = text or arguments_text(block.value.get("input")) or "{}"
        self.said.append({**block.value, "input": orjson.loads(object_text(arguments))})
        yield RequestedCall(block.id, text_or_nothing(block.value.get("name"))[:MAX_NAME], arguments)

    def _kept(self, value: dict[str, Any]) -> ProviderMetadata:
        self.said.append(value)
        return ProviderMetadata(self._provider, self._model, value)
