"""Tool calls that arrive in pieces, from servers that do not agree on how to number them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from llm.client.adapters.fields import label, members, opaque, position
from llm.client.adapters.tool_calls import MAX_ID, MAX_NAME, CallLimits, arguments_text
from llm.client.sanitize import Sanitizer
from llm.client.types import ProviderMetadata, RequestedCall, ToolInputDelta


@dataclass(slots=True)
class _GrowingCall:
    id: str
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    sanitizer: Sanitizer = field(default_factory=Sanitizer)


class GrowingCalls:
    """Puts calls together, by id first and by index second."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider, self._model = provider, model
        self._limits = CallLimits(provider)
        self._calls: list[_GrowingCall] = []
        self._by_id: dict[str, _GrowingCall] = {}
        self._by_index: dict[int, _GrowingCall] = {}

    def __bool__(self) -> bool:
        return self._limits.has_calls

    def read(self, given: dict[str, Any]) -> Iterator[ToolInputDelta]:
        """Take one item of `tool_calls`; yield what it adds to the arguments of its call."""
        function = members(given.get("function"))
        name, found = label(function.get("name"), MAX_NAME), function.get("arguments")
        call = self._call_for(given, name, isinstance(found, dict))
        call.name = call.name or name
        if state := opaque(given.get("extra_content")):
            call.state = {"extra_content": state}
        arguments = call.sanitizer.feed(arguments_text(found))
        if arguments:
            self._limits.count_text(arguments)
            call.pieces.append(arguments)
            yield ToolInputDelta(call.id, call.name, arguments)

    def whole(self) -> Iterator[RequestedCall | ProviderMetadata]:
        """Yield the calls as they are at the end, each with what its server wants to see again."""
        for call in self._calls:
            arguments = "".join([*call.pieces, call.sanitizer.flush()])
            yield RequestedCall(call.id, call.name, arguments or "{}")
            if call.state:
                yield ProviderMetadata(self._provider, self._model, call.state)

    def _call_for(self, given: dict[str, Any], name: str, is_whole: bool) -> _GrowingCall:
        """Find the call that an item belongs to, or begin it, and note what it is known by."""
        given_id, index = label(given.get("id"), MAX_ID), position(given.get("index"))
        call = self._by_id.get(given_id) or self._continued(index, name, bool(given_id) or is_whole)
        if call is None:
            call = self._begin(given_id)
        if given_id:
            self._by_id[given_id] = call
        if index is not None:
            self._by_index[index] = call
        return call

    def _continued(self, index: int | None, name: str, is_new_if_named: bool) -> _GrowingCall | None:
        """Find the call that an item without a known id goes on with.

        Ollama gives all parallel calls the index 0, others give none: a name then begins a new call.
        """
        if name and (is_new_if_named or index is None):
            return None
        if index is None:
            return self._calls[-1] if self._calls else None
        call = self._by_index.get(index)
        return None if call and name and call.name not in ("", name) else call

    def _begin(self, given_id: str) -> _GrowingCall:
        call = _GrowingCall(self._limits.begin(given_id))
        self._calls.append(call)
        return call
