"""Anthropic's Messages."""

import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from functools import partial
from typing import Any

from llm.client.adapters.anthropic_blocks import Blocks
from llm.client.adapters.anthropic_messages import anthropic_messages, anthropic_tool
from llm.client.adapters.base import added, read_events
from llm.client.adapters.effort import nearest_effort
from llm.client.adapters.fields import count, members, model_name, objects, text_or_nothing
from llm.client.adapters.finish_reasons import reason_beside_calls, reason_of
from llm.client.adapters.response_format import schema_of
from llm.client.endpoints import base_url_of, key_headers
from llm.client.error_mapping import refuse_error
from llm.client.errors import ProviderBroken
from llm.client.transport import Request
from llm.client.types import Effort, Finished, FinishReason, Prompt, ProviderConfig, ProviderEvent, RefusalDelta, Usage

MAX_TOKENS = 32_000  # has to be given; the least of what current models can write
PARAMS = {"max_tokens": "max_tokens", "stop": "stop_sequences"}
EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
CHOICES = {"auto": "auto", "none": "none", "required": "any"}
# Those before 4.6 think by a number of tokens, and those before 3.7 do not think.
budgets = re.compile(r"claude-(?:(?:opus|sonnet|haiku)-4(?:-[015])?|3-7-sonnet)(?:-\d{8}|-latest)?$").match
never_thinks = re.compile(r"claude-(?:2|instant|3-(?!7))").match
BUDGETS: dict[Effort, int] = {"low": 2_048, "medium": 8_192, "high": 16_384, "xhigh": 24_576, "max": 30_000}
PAUSED = "pause_turn"
MAX_PAUSES = 10
FIELDS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")  # which do not hold each other


class AnthropicAdapter:
    def __init__(self, provider: ProviderConfig) -> None:
        self._name = provider.name
        self._url = f"{base_url_of(provider)}/messages"
        self._headers = key_headers(provider)

    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """Stream a reply from the provider's address, by default Anthropic itself."""
        reader = AnthropicReader(self._name, prompt.model)
        return read_events(self._request(prompt, []), reader, partial(self._go_on, prompt, reader))

    def _request(self, prompt: Prompt, said: list[Any]) -> Request:
        return Request(self._name, self._url, self._headers, partial(_body, self._name, prompt, said), prompt.size)

    def _go_on(self, prompt: Prompt, reader: "AnthropicReader") -> Request | None:
        return self._request(prompt, said) if (said := reader.resume()) else None


def _body(provider: str, prompt: Prompt, said: list[Any]) -> dict[str, Any]:
    """Write a request; `said` is what a reply had come to when it was paused."""
    params, messages = prompt.params, anthropic_messages(prompt, provider)
    body: dict[str, Any] = {
        "model": prompt.model,
        "messages": [*messages, {"role": "assistant", "content": said}] if said else messages,
        "max_tokens": MAX_TOKENS,
        "stream": True,
        **{PARAMS[name]: value for name, value in params.items() if name in PARAMS},
    }
    if prompt.system:
        body["system"] = prompt.system
    if prompt.tools:
        body["tools"] = [anthropic_tool(tool) for tool in prompt.tools]
        body |= _choice(params)
    thinking = _thinking(prompt, body)
    config = _config(prompt)
    return body | thinking | config | ({} if "thinking" in thinking else _sampling(params))


def _choice(params: Mapping[str, Any]) -> dict[str, Any]:
    choice: Any = params.get("tool_choice") or "auto"
    named = {"type": "tool", "name": choice["name"]} if isinstance(choice, Mapping) else None
    wanted: dict[str, Any] = named or {"type": CHOICES[choice]}
    if params.get("parallel_tool_calls") is False and wanted["type"] != "none":
        wanted["disable_parallel_tool_use"] = True
    return {"tool_choice": wanted} if wanted != {"type": "auto"} else {}


def _thinking(prompt: Prompt, body: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for thoughts to be seen; not beside what they are refused with: a forced call, or sampling alone."""
    effort: Effort | None = prompt.params.get("effort")
    is_forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
    samples = not effort and ("temperature" in prompt.params or "top_p" in prompt.params)
    if is_forced or samples or never_thinks(prompt.model):
        return {}
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    if not budgets(prompt.model):
        return {"thinking": {"type": "adaptive", "display": "summarized"}}
    if not effort or _is_bare(body["messages"]):
        return {}
    budget = min(BUDGETS[nearest_effort(effort, EFFORTS)], body["max_tokens"] - 1)
    return {"thinking": {"type": "enabled", "budget_tokens": budget}} if budget >= 1024 else {}


def _is_bare(messages: list[dict[str, Any]]) -> bool:
    """Tell whether results answer calls before which nothing was thought, as far as we still know."""
    if not messages or not isinstance(messages[-1]["content"], list):
        return False
    if messages[-1]["content"][0]["type"] != "tool_result":
        return False
    return messages[-2]["content"][0]["type"] not in ("thinking", "redacted_thinking")


def _config(prompt: Prompt) -> dict[str, Any]:
    effort, schema, config = prompt.params.get("effort"), schema_of(prompt.params), dict[str, Any]()
    if effort and effort != "none" and not budgets(prompt.model) and not never_thinks(prompt.model):
        config["effort"] = nearest_effort(effort, EFFORTS)
    if schema is not None:
        config["format"] = {"type": "json_schema", "schema": schema}
    return {"output_config": config} if config else {}


def _sampling(params: Mapping[str, Any]) -> dict[str, Any]:
    """Say how to choose words: one of the two at a time, and no temperature above 1."""
    if (temperature := params.get("temperature")) is not None:
        return {"temperature": min(temperature, 1)}
    return {"top_p": params["top_p"]} if "top_p" in params else {}


class AnthropicReader:
    """Reads the events of one reply, which may be several messages where its provider pauses."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider, self._model = provider, model
        self._reason: FinishReason | None = None
        self.goes_on = False
        self._is_paused, self._pauses = False, 0
        self._counts: dict[str, Any] = {}
        self._before: Usage | None = None  # of the messages before this one
        self._blocks = Blocks(provider, model)

    def read(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Yield what an event adds."""
        kind = chunk.get("type")
        if kind == "content_block_delta":
            yield from self._blocks.grow(chunk.get("index"), chunk.get("delta"))
        elif kind == "content_block_start":
            yield from self._blocks.begin(chunk.get("index"), members(chunk.get("content_block")))
        elif kind == "content_block_stop":
            yield from self._blocks.finish(chunk.get("index"))
        elif kind == "message_start":
            self._begin(members(chunk.get("message")))
        elif kind == "message_delta":
            self._count(chunk)
            yield from self._note_end(members(chunk.get("delta")))
        elif kind == "message":  # whole, from a server that does not stream
            yield from self._whole(chunk)
        elif kind not in ("ping", "message_stop"):
            refuse_error(self._provider, chunk)

    def rest(self) -> Iterator[ProviderEvent]:
        """Yield what the provider did not say the end of."""
        return self._blocks.rest()

    def end(self) -> Finished | None:
        """Return the end once a message has said why it stopped."""
        if self._reason is None:
            return None
        reason = self._reason
        if self._blocks.has_calls and reason == "refusal":  # a filter broke off; what was asked for is not to be done
            reason = "content_filter"
        return Finished(reason_beside_calls(reason, self._blocks.has_calls), self._model, self._total())

    def resume(self) -> list[Any]:
        """Return what there is of a paused reply, as it goes back; nothing where it has ended."""
        if not self._is_paused:
            return []
        self._pauses += 1
        if self._pauses > MAX_PAUSES:
            raise ProviderBroken(self._provider, "paused too often")
        self._before, self._counts = self._total(), {}
        self._reason, self._is_paused = None, False
        return self._blocks.said

    def _begin(self, message: dict[str, Any]) -> None:
        self._model = model_name(message.get("model"), self._model)
        self._count(message)

    def _whole(self, message: dict[str, Any]) -> Iterator[ProviderEvent]:
        self._begin(message)
        for index, block in enumerate(objects(message.get("content"))):
            yield from self._blocks.begin(index, block)
            yield from self._blocks.finish(index)
        yield from self._note_end(message)

    def _note_end(self, told: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Note why a message stopped; a refusal without a word is explained."""
        stop = told.get("stop_reason")
        if not stop:
            return
        self._is_paused = stop == PAUSED
        self._reason = "other" if self._is_paused else reason_of(self._provider, stop)
        explanation = text_or_nothing(members(told.get("stop_details")).get("explanation"))
        if self._reason == "refusal" and explanation and not self._blocks.has_text:
            yield RefusalDelta(explanation)

    def _count(self, told: dict[str, Any]) -> None:
        """Note usage: each count is of all so far."""
        self._counts |= {name: value for name, value in members(told.get("usage")).items() if value is not None}

    def _total(self) -> Usage | None:
        given, said = [count(self._counts.get(name)) for name in FIELDS], count(self._counts.get("output_tokens"))
        if {*given, said} == {None}:
            return self._before
        cached = count(self._counts.get("cache_read_input_tokens"))
        thought = count(members(self._counts.get("output_tokens_details")).get("thinking_tokens"))
        return added(self._before, Usage(sum(each or 0 for each in given), said or 0, cached or 0, thought or 0))
