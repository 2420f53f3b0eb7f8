"""OpenAI's Responses, stateless: what a model needs to see of its own thoughts goes back with every request."""

import re
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from common.text import repaired
from llm.client.adapters.base import read_events
from llm.client.adapters.fields import label, members, model_name, objects, opaque
from llm.client.adapters.files import generated_file
from llm.client.adapters.finish_reasons import reason_beside_calls, reason_of
from llm.client.adapters.openai_items import function_tool, items_of
from llm.client.adapters.openai_usage import openai_usage
from llm.client.adapters.sources import Sources
from llm.client.adapters.spoken import spoken
from llm.client.adapters.tool_calls import MAX_ID, MAX_NAME, CallLimits, arguments_text
from llm.client.endpoints import base_url_of, key_headers
from llm.client.error_mapping import map_error, refuse_error
from llm.client.sanitize import Sanitizer
from llm.client.transport import Request
from llm.client.types import (
    Finished,
    FinishReason,
    Prompt,
    ProviderConfig,
    ProviderEvent,
    ProviderMetadata,
    ReasoningDelta,
    RefusalDelta,
    RequestedCall,
    TextDelta,
    ToolInputDelta,
)

PARAMS = {"max_tokens": "max_output_tokens", "temperature": "temperature", "top_p": "top_p"}
# All others answer 400 to `reasoning`, and to a wish for what they do not encrypt.
reasons = re.compile(r"(?:.*/)?(?:ft:)?(?:o\d|gpt-(?:[5-9]|1\d)(?!\.?\d*-chat)|codex-)").match
THOUGHTS = {"response.reasoning_summary_text.delta": "summary_index", "response.reasoning_text.delta": "content_index"}


class OpenAIResponsesAdapter:
    def __init__(self, provider: ProviderConfig) -> None:
        self._name = provider.name
        self._url = f"{base_url_of(provider)}/responses"
        self._headers = key_headers(provider)

    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """Stream a reply from the provider's address, by default OpenAI itself."""
        body = partial(_body, self._name, prompt)
        request = Request(self._name, self._url, self._headers, body, prompt.size)
        return read_events(request, ResponsesReader(self._name, prompt.model))


def _body(provider: str, prompt: Prompt) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": prompt.model,
        "input": items_of(prompt, provider),
        "stream": True,
        "store": False,
        **{PARAMS[name]: value for name, value in prompt.params.items() if name in PARAMS},
        **_reasoning(prompt),
    }
    if prompt.system:
        body["instructions"] = prompt.system
    if wanted := prompt.params.get("response_format"):
        body["text"] = {"format": {"type": wanted["type"], **wanted.get("json_schema", {})}}
    return body | (_tools(prompt) if prompt.tools else {})


def _reasoning(prompt: Prompt) -> dict[str, Any]:
    """Ask for thoughts, to be seen and to be sent back; of a model that is not known to have any only if told to."""
    effort = prompt.params.get("effort")
    if not effort and not reasons(prompt.model):
        return {}
    wanted = {"summary": "auto", **({"effort": effort} if effort else {})}
    return {"reasoning": wanted, "include": ["reasoning.encrypted_content"]}


def _tools(prompt: Prompt) -> dict[str, Any]:
    tools: dict[str, Any] = {"tools": [function_tool(tool) for tool in prompt.tools]}
    if choice := prompt.params.get("tool_choice"):
        tools["tool_choice"] = choice if isinstance(choice, str) else {"type": "function", "name": choice["name"]}
    if (parallel := prompt.params.get("parallel_tool_calls")) is not None:
        tools["parallel_tool_calls"] = parallel
    return tools


@dataclass(slots=True)
class _GrowingCall:
    place: str  # of its item
    item_id: str
    given_id: str
    id: str
    name: str
    pieces: list[str] = field(default_factory=list)
    sanitizer: Sanitizer = field(default_factory=Sanitizer)
    item: dict[str, Any] | None = None  # once it is whole

    def arguments(self) -> str:
        """Return them as the whole item has them, or else as they came."""
        return repaired(arguments_text(members(self.item).get("arguments"))) or "".join(self.pieces) or "{}"


class ResponsesReader:
    """Reads the events of one response; what of its items only OpenAI understands comes as they end."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._asked = self._model = model
        self._reason: FinishReason | None = None
        self._usage: Any = None
        self.goes_on = False
        self._has_items = self._has_thought = self._refused = False
        self._text_told = self._thoughts_told = False  # in deltas, which items say again
        self._thought_at: object = None  # which part of the thoughts came last, if nothing else did since
        self._growing: list[_GrowingCall] = []
        self._limits, self._sources = CallLimits(provider), Sources()

    def read(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Yield what an event adds; those that only repeat others say nothing."""
        kind = chunk.get("type")
        if kind == "response.output_text.delta":
            text = chunk.get("delta")
            if text.__class__ is str and text:  # as nearly all of them
                self._text_told = True
                yield TextDelta(text)
            else:
                for said in spoken(text):
                    self._text_told = True
                    yield said
        elif not isinstance(kind, str) or not kind.startswith("response."):
            yield from self._eventless(chunk, kind)
        elif kind in THOUGHTS:
            self._thoughts_told = self._thoughts_told or bool(chunk.get("delta"))
            yield from self._thought(chunk.get("delta"), f"{chunk.get('output_index')} {chunk.get(THOUGHTS[kind])}")
        elif kind == "response.function_call_arguments.delta":
            yield from self._input(chunk)
        elif kind == "response.refusal.delta":
            self._refused = self._text_told = True
            yield from spoken(chunk.get("delta"), RefusalDelta)
        elif kind == "response.output_text.annotation.added":
            yield from self._sources.read(members(chunk.get("annotation")), "url")
        elif kind in ("response.output_item.added", "response.output_item.done"):
            yield from self._item(members(chunk.get("item")), str(chunk.get("output_index")), kind.endswith("done"))
        elif response := members(chunk.get("response")):
            yield from self._response(response, kind)

    def rest(self) -> Iterator[ProviderEvent]:
        """Yield the calls that the provider did not say the end of."""
        for call in self._growing:
            yield RequestedCall(call.id, call.name, call.arguments())

    def end(self) -> Finished | None:
        """Return the end once the response has one."""
        if self._reason is None:
            return None
        reason = reason_beside_calls(self._reason, self._limits.has_calls)
        return Finished(reason, self._model, openai_usage(members(self._usage), "input", "output"))

    def _eventless(self, chunk: dict[str, Any], kind: Any) -> Iterator[ProviderEvent]:
        """Read what is no event of a response: an error, or all of it from a server that does not stream."""
        if kind == "error":
            raise map_error(self._provider, {"error": {**chunk, "type": None}})
        if chunk.get("object") == "response":
            yield from self._response(chunk, f"response.{chunk.get('status')}")
        else:
            refuse_error(self._provider, chunk)

    def _thought(self, value: Any, place: str) -> Iterator[ProviderEvent]:
        """Yield thoughts, with a blank line between their parts."""
        for said in spoken(value, ReasoningDelta):
            before, self._thought_at = self._thought_at, place
            yield said if before in (None, place) else ReasoningDelta(f"\n\n{said.text}")

    def _input(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        place, item_id = str(chunk.get("output_index")), label(chunk.get("item_id"), MAX_ID)
        named = [call for call in self._growing if item_id and call.item_id == item_id]
        call = next(iter(named or [call for call in reversed(self._growing) if call.place == place]), None)
        if call and (text := call.sanitizer.feed(arguments_text(chunk.get("delta")))):
            self._limits.count_text(text)
            call.pieces.append(text)
            yield ToolInputDelta(call.id, call.name, text)

    def _item(self, item: dict[str, Any], place: str, is_done: bool) -> Iterator[ProviderEvent]:
        kind = item.get("type")
        if kind != "reasoning":
            self._thought_at = None
        if is_done:
            self._has_items = True
            yield from self._untold(item, place)
        if kind == "function_call":
            call = self._call_of(item, place, is_done)
            if is_done:
                call.item = item
                yield from self._whole_calls()
        elif is_done and kind == "image_generation_call":
            yield from generated_file(item.get("result"), f"image/{label(item.get('output_format'), MAX_ID) or 'png'}")
        elif is_done and kind == "reasoning" and item.get("encrypted_content"):
            self._has_thought = True
            yield from self._metadata(item)
        elif is_done and kind == "message" and item.get("phase"):
            yield from self._metadata({"phase": item["phase"]})

    def _untold(self, item: dict[str, Any], place: str) -> Iterator[ProviderEvent]:
        """Yield what an item says that no delta has told."""
        kind = item.get("type")
        is_thought = kind == "reasoning"
        is_told = kind not in (None, "message", "reasoning") or (self._thoughts_told if is_thought else self._text_told)
        for number, part in enumerate([*objects(item.get("summary")), *objects(item.get("content"))]):
            if not is_told:
                self._refused = self._refused or part.get("type") == "refusal"
                yield from self._thought(part.get("text"), f"{place} {number}") if is_thought else spoken(part)
            for annotation in objects(part.get("annotations")):
                yield from self._sources.read(annotation, "url")

    def _call_of(self, item: dict[str, Any], place: str, is_done: bool) -> _GrowingCall:
        """Find the call of an item, by its id first and by its place second, or begin it.

        Some servers give all parallel calls one place.
        """
        item_id, given_id = (label(item.get(name), MAX_ID) for name in ("id", "call_id"))
        named = [call for call in self._growing if given_id and call.given_id == given_id]
        placed = [call for call in self._growing if call.place == place and call.item is None]
        if found := named or (placed if is_done or not given_id else []):
            return found[0]
        own_id = self._limits.begin(given_id)
        self._growing.append(_GrowingCall(place, item_id, given_id, own_id, label(item.get("name"), MAX_NAME)))
        return self._growing[-1]

    def _whole_calls(self) -> Iterator[ProviderEvent]:
        """Yield the calls that are whole, in the order in which they began."""
        while self._growing and self._growing[0].item is not None:
            call = self._growing.pop(0)
            arguments = call.arguments()
            if not call.pieces:
                self._limits.count_text(arguments)
            yield RequestedCall(call.id, call.name, arguments)
            if self._has_thought:  # which is only valid before exactly this
                yield from self._metadata(call.item or {})

    def _metadata(self, value: dict[str, Any]) -> Iterator[ProviderMetadata]:
        if opaque(value):
            yield ProviderMetadata(self._provider, self._asked, value)

    def _response(self, response: dict[str, Any], kind: str) -> Iterator[ProviderEvent]:
        """Note how the response stands; an end may hold what no event before it has told."""
        self._model = model_name(response.get("model"), self._model)
        self._usage = response.get("usage") or self._usage
        if kind == "response.failed":
            raise map_error(self._provider, response)
        if kind in ("response.completed", "response.incomplete"):
            for number, item in enumerate(() if self._has_items else objects(response.get("output"))):
                yield from self._item(item, str(number), is_done=True)
            self._reason = self._ended(response, kind)

    def _ended(self, response: dict[str, Any], kind: str) -> FinishReason:
        if kind == "response.incomplete":
            return reason_of(self._provider, members(response.get("incomplete_details")).get("reason")) or "other"
        return "refusal" if self._refused else "stop"
