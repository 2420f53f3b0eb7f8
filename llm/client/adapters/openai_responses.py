"""OpenAI's Responses, stateless: what a model needs to see of its own thoughts goes back with every request."""

import re
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from llm.client.adapters.base import read_events, text_or_nothing, token_count
from llm.client.adapters.openai_items import function_tool, items_of
from llm.client.adapters.sources import Sources
from llm.client.adapters.tool_calls import MAX_NAME, CallLimits, arguments_text
from llm.client.error_mapping import map_error
from llm.client.errors import ProviderBroken
from llm.client.transport import Request
from llm.client.types import (
    Finished,
    FinishReason,
    Prompt,
    ProviderConfig,
    ProviderEvent,
    ProviderMetadata,
    ReasoningDelta,
    RequestedCall,
    TextDelta,
    ToolInputDelta,
    Usage,
)

BASE_URL = "https://api.openai.com/v1"
PARAMS = {"max_tokens": "max_output_tokens", "temperature": "temperature", "top_p": "top_p"}
# All others answer 400 to `reasoning`, and to a wish for what they do not encrypt.
reasons = re.compile(r"(?:.*/)?(?:ft:)?(?:o\d|gpt-(?:[5-9]|1\d)(?!\.?\d*-chat)|codex-)").match
INCOMPLETE: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
THOUGHTS = {"response.reasoning_summary_text.delta": "summary_index", "response.reasoning_text.delta": "content_index"}


class OpenAIResponsesAdapter:
    def __init__(self, provider: ProviderConfig) -> None:
        self._name = provider.name
        self._url = f"{(provider.base_url or BASE_URL).rstrip('/')}/responses"
        self._headers = {"Authorization": f"Bearer {provider.key}"} if provider.key else {}

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
    id: str
    name: str
    pieces: list[str] = field(default_factory=list)
    item: dict[str, Any] | None = None  # once it is whole


class ResponsesReader:
    """Reads the events of one response; what of its items only OpenAI understands comes as they end."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._asked = self._model = model
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None
        self._has_items = self._has_thought = self._refused = False
        self._thought_at: object = None  # which part of the thoughts came last, if nothing else did since
        self._growing: dict[Any, _GrowingCall] = {}  # by the place of its item
        self._limits, self._sources = CallLimits(provider), Sources()

    def read(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Yield what an event adds; those that only repeat others say nothing."""
        kind = chunk.get("type")
        if kind == "response.output_text.delta":
            yield from self._text(chunk)
        elif kind in THOUGHTS:
            yield from self._thought(chunk, chunk.get(THOUGHTS[kind]))
        elif kind == "response.function_call_arguments.delta":
            yield from self._input(chunk)
        elif kind == "response.refusal.delta":
            self._refused = True
            yield from self._text(chunk)
        elif kind == "response.output_text.annotation.added":
            yield from self._sources.read(chunk.get("annotation") or {}, "url")
        elif kind in ("response.output_item.added", "response.output_item.done"):
            yield from self._item(chunk.get("item") or {}, chunk.get("output_index"), kind.endswith("done"))
        elif kind == "error":
            raise map_error(self._provider, {"error": {"code": chunk.get("code"), "param": chunk.get("param")}})
        elif response := chunk.get("response"):
            yield from self._response(response, kind)
        elif chunk.get("object") == "response":  # whole, from a server that does not stream
            yield from self._response(chunk, f"response.{chunk.get('status')}")

    def rest(self) -> Iterator[ProviderEvent]:
        """Yield nothing: items end before their response does."""
        return iter(())

    def end(self) -> Finished | None:
        """Return the end once the response has one."""
        if self._reason is None:
            return None
        goes_on = self._limits.has_calls and self._reason != "content_filter"
        return Finished("tool_calls" if goes_on else self._reason, self._model, self._usage)

    def _text(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        if text := text_or_nothing(chunk.get("delta")):
            yield TextDelta(text)

    def _thought(self, chunk: dict[str, Any], part: Any) -> Iterator[ProviderEvent]:
        """Yield thoughts, with a blank line between their parts."""
        if text := text_or_nothing(chunk.get("delta")):
            place, before = (chunk.get("output_index"), part), self._thought_at
            self._thought_at = place
            yield ReasoningDelta(text if before in (None, place) else f"\n\n{text}")

    def _input(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        if text := text_or_nothing(chunk.get("delta")):
            self._limits.count_text(text)
            call = self._growing[chunk.get("output_index")]
            call.pieces.append(text)
            yield ToolInputDelta(call.id, call.name, text)

    def _item(self, item: dict[str, Any], index: Any, is_done: bool) -> Iterator[ProviderEvent]:
        self._has_items, kind = True, item.get("type")
        if kind != "reasoning":
            self._thought_at = None
        if kind == "function_call":
            if index not in self._growing:
                own_id = self._limits.begin(text_or_nothing(item.get("call_id")))
                self._growing[index] = _GrowingCall(own_id, text_or_nothing(item.get("name"))[:MAX_NAME])
            if is_done:
                self._growing[index].item = item
                yield from self._whole_calls()
        elif is_done and kind == "reasoning" and item.get("encrypted_content"):
            self._has_thought = True
            yield self._metadata(item)
        elif is_done and kind == "message" and item.get("phase"):
            yield self._metadata({"phase": item["phase"]})

    def _whole_calls(self) -> Iterator[ProviderEvent]:
        """Yield the calls that are whole, in the order in which they began."""
        for index, call in list(self._growing.items()):
            if call.item is None:
                return
            del self._growing[index]
            arguments = arguments_text(call.item.get("arguments")) or "".join(call.pieces) or "{}"
            yield RequestedCall(call.id, call.name, arguments)
            if self._has_thought:  # which is only valid before exactly this
                yield self._metadata(call.item)

    def _metadata(self, value: dict[str, Any]) -> ProviderMetadata:
        return ProviderMetadata(self._provider, self._asked, value)

    def _response(self, response: dict[str, Any], kind: str | None) -> Iterator[ProviderEvent]:
        """Note how the response stands; an end may hold what no event before it has told."""
        self._model = response.get("model") or self._model
        if usage := response.get("usage"):
            self._usage = Usage(token_count(usage.get("input_tokens")), token_count(usage.get("output_tokens")))
        if kind == "response.failed":
            raise map_error(self._provider, response)
        if kind in ("response.completed", "response.incomplete"):
            yield from self._untold(response.get("output") or ())
            self._reason = self._ended(response)

    def _untold(self, output: Any) -> Iterator[ProviderEvent]:
        """Yield the items of a response that had no events for them."""
        for index, item in enumerate(() if self._has_items else output):
            for number, part in enumerate([*(item.get("summary") or ()), *(item.get("content") or ())]):
                told = {"delta": part.get("text") or part.get("refusal"), "output_index": index}
                self._refused = self._refused or part.get("type") == "refusal"
                yield from self._thought(told, number) if item.get("type") == "reasoning" else self._text(told)
                for annotation in part.get("annotations") or ():
                    yield from self._sources.read(annotation, "url")
            yield from self._item(item, index, is_done=True)

    def _ended(self, response: dict[str, Any]) -> FinishReason:
        if details := response.get("incomplete_details"):
            if (reason := str(details.get("reason"))) not in INCOMPLETE:
                raise ProviderBroken(self._provider, f"incomplete: {reason[:80]}")
            return INCOMPLETE[reason]
        return "refusal" if self._refused else "stop"
