"""OpenAI's chat completions, and every server that speaks the same."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from functools import partial
from typing import Any

from llm.client.adapters.base import read_events, text_or_nothing
from llm.client.adapters.openai_calls import GrowingCalls
from llm.client.adapters.openai_messages import messages_of, openai_tool
from llm.client.adapters.openai_state import MessageState
from llm.client.adapters.sources import Sources
from llm.client.transport import Request
from llm.client.types import (
    Finished,
    FinishReason,
    Prompt,
    ProviderConfig,
    ProviderEvent,
    ProviderMetadata,
    ReasoningDelta,
    TextDelta,
    Usage,
)

BASE_URL = "https://api.openai.com/v1"
REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
PARAMS = {
    "max_tokens": "max_completion_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "effort": "reasoning_effort",
    "response_format": "response_format",
    "stop": "stop",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
    "logit_bias": "logit_bias",
    "n": "n",
}
PLAIN = frozenset({"role", "content", "refusal"})


class OpenAIChatAdapter:
    def __init__(self, provider: ProviderConfig) -> None:
        self._provider = provider
        self._url = f"{(provider.base_url or BASE_URL).rstrip('/')}/chat/completions"
        # Compatible servers may need no key, and some refuse an empty one.
        self._headers = {"Authorization": f"Bearer {provider.key}"} if provider.key else {}

    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """Stream a reply from the provider's address, by default OpenAI itself."""
        body = partial(_body, self._provider, prompt)
        request = Request(self._provider.name, self._url, self._headers, body, prompt.size)
        return read_events(request, OpenAIChatReader(self._provider.name, prompt.model))


def _body(provider: ProviderConfig, prompt: Prompt) -> dict[str, Any]:
    params = {PARAMS[name]: value for name, value in prompt.params.items() if name in PARAMS}
    messages = messages_of(prompt, provider.name)
    if provider.quirks.wants_reasoning_content:
        messages = [{"reasoning_content": "", **each} if "tool_calls" in each else each for each in messages]
    body = {
        "model": prompt.model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        **params,
    }
    if prompt.tools:
        body["tools"] = [openai_tool(tool) for tool in prompt.tools]
        body |= _choice(prompt.params)
    return body


def _choice(params: Mapping[str, Any]) -> dict[str, Any]:
    """Say which tools are to be asked for, which is refused where there are none."""
    found = {name: params[name] for name in ("tool_choice", "parallel_tool_calls") if name in params}
    if isinstance(choice := found.get("tool_choice"), Mapping):
        found["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    return found


class OpenAIChatReader:
    """Reads chat completion chunks: role-only, empty, null and usage-only ones among them."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._asked = self._model = model
        self._reason: FinishReason | None = None
        self._refused = False
        self._usage: Usage | None = None
        self._calls, self._state, self._sources = GrowingCalls(provider, model), MessageState(provider), Sources()

    def read(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Yield the deltas of the first choice; there is no other unless one is asked for."""
        self._model = chunk.get("model") or self._model
        if usage := chunk.get("usage"):
            self._usage = Usage(usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)
        for choice in chunk.get("choices") or ():
            if not choice.get("index"):
                yield from self._deltas(choice.get("delta") or {})
                if reason := choice.get("finish_reason"):
                    self._reason = REASONS.get(reason, "other")

    def rest(self) -> Iterator[ProviderEvent]:
        """Yield the calls, which only the end completes, and before them what goes back with them."""
        if self._calls and (state := self._state.value()):
            yield ProviderMetadata(self._provider, self._asked, state)
        yield from self._calls.whole()

    def end(self) -> Finished | None:
        """Usage comes after the finish reason, so the end waits for the stream's."""
        if self._reason is None:
            return None
        reason = "refusal" if self._refused and self._reason == "stop" else self._reason
        goes_on = self._calls and reason != "content_filter"
        return Finished("tool_calls" if goes_on else reason, self._model, self._usage)

    def _deltas(self, delta: dict[str, Any]) -> Iterator[ProviderEvent]:
        if len(delta) == 1 and "content" in delta:  # as nearly all of them
            if text := text_or_nothing(delta["content"]):
                yield TextDelta(text)
            return
        if reasoning := text_or_nothing(delta.get("reasoning_content") or delta.get("reasoning")):
            yield ReasoningDelta(reasoning)
        if text := text_or_nothing(delta.get("content")):
            yield TextDelta(text)
        if refusal := text_or_nothing(delta.get("refusal")):
            self._refused = True
            yield TextDelta(refusal)
        if not delta.keys() <= PLAIN:
            yield from self._others(delta)

    def _others(self, delta: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Read what few deltas have; `function_call` is what a call was when there was only one."""
        self._state.note(delta)
        for call in delta.get("tool_calls") or ():
            yield from self._calls.read(call)
        if function := delta.get("function_call"):
            yield from self._calls.read({"index": -1, "function": function})
        for annotation in delta.get("annotations") or ():
            yield from self._sources.read(annotation.get("url_citation") or annotation, "url")
