"""OpenAI's chat completions, and every server that speaks the same."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from functools import partial
from typing import Any

from llm.client.adapters.base import Reader, read_events
from llm.client.adapters.fields import first, members, model_name, objects, text_or_nothing
from llm.client.adapters.files import file_at
from llm.client.adapters.finish_reasons import last_reason, reason_beside_calls, reason_of
from llm.client.adapters.openai_calls import GrowingCalls
from llm.client.adapters.openai_choices import ChoicesReader
from llm.client.adapters.openai_messages import openai_messages, openai_tool
from llm.client.adapters.openai_quirks import learned, length_name
from llm.client.adapters.openai_state import MessageState
from llm.client.adapters.openai_usage import openai_usage
from llm.client.adapters.sources import Sources
from llm.client.adapters.spoken import spoken
from llm.client.endpoints import base_url_of, key_headers
from llm.client.error_mapping import refuse_error
from llm.client.transport import Request
from llm.client.types import (
    Finished,
    FinishReason,
    Prompt,
    ProviderConfig,
    ProviderEvent,
    ProviderMetadata,
    Quirks,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
)

PARAMS = {
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
TELLING = ("content", "refusal", "reasoning_content", "reasoning", "tool_calls", "function_call", "images")


class OpenAIChatAdapter:
    def __init__(self, provider: ProviderConfig) -> None:
        self._provider, self._quirks = provider, provider.quirks
        self._url = f"{base_url_of(provider)}/chat/completions"
        self._headers = key_headers(provider)

    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """Stream a reply from the provider's address, by default OpenAI itself."""
        return read_events(self._request(prompt, self._quirks), _reader(self._provider.name, prompt))

    def _request(self, prompt: Prompt, quirks: Quirks, *tried: Quirks) -> Request:
        """Make the request for a server with some quirks, which are remembered once it is accepted."""

        def amended(refusal: str) -> Request | None:
            others = learned(quirks, prompt, refusal)
            return None if others in (quirks, *tried) else self._request(prompt, others, quirks, *tried)

        def accepted() -> None:
            self._quirks = quirks

        body = partial(_body, self._provider.name, quirks, prompt)
        return Request(self._provider.name, self._url, self._headers, body, prompt.size, amended, accepted)


def _body(provider: str, quirks: Quirks, prompt: Prompt) -> dict[str, Any]:
    names = {**PARAMS, "max_tokens": length_name(quirks)}
    params = {names[name]: value for name, value in prompt.params.items() if name in names}
    messages = openai_messages(prompt, provider)
    if quirks.wants_reasoning_content:
        messages = [{"reasoning_content": "", **each} if "tool_calls" in each else each for each in messages]
    body: dict[str, Any] = {"model": prompt.model, "messages": messages, "stream": True, **params}
    if not quirks.refuses_stream_options:
        body["stream_options"] = {"include_usage": True}
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


def _reader(provider: str, prompt: Prompt) -> Reader:
    """Return the plain reader, for which there is one choice and nothing beside it, wherever that is enough."""
    if "n" in prompt.params or "logprobs" in prompt.params:
        return ChoicesReader(partial(OpenAIChatReader, provider, prompt.model), prompt.params.get("n", 1))
    return OpenAIChatReader(provider, prompt.model)


class OpenAIChatReader:
    """Reads chat completion chunks: role-only, empty, null and usage-only ones among them, and a whole completion.

    Its index tells nothing of a choice: some servers count tokens in it, and no more than one choice is asked for.
    """

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._asked = self._model = model
        self._reason: FinishReason | None = None
        self._refused = self._in_deltas = self.goes_on = False
        self._usage: dict[str, Any] = {}
        self._said = ""  # in whole messages that grow
        self._calls, self._state, self._sources = GrowingCalls(provider, model), MessageState(provider), Sources()

    def read(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Yield the deltas of the first choice."""
        if (model := chunk.get("model")) and model != self._model:
            self._model = model_name(model, self._model)
        if (usage := chunk.get("usage")) and usage.__class__ is dict:
            self._usage = usage  # which may be in every chunk, and is read once
        choices = chunk.get("choices")
        choice = choices[0] if choices.__class__ is list and choices else first(choices)
        if choice.__class__ is not dict:
            return refuse_error(self._provider, chunk)
        delta = choice.get("delta")
        if delta.__class__ is not dict:
            yield from self._whole(choice)
        elif len(delta) == 1 and (text := delta.get("content")).__class__ is str:  # as nearly all of them
            if text:
                self._in_deltas = True
                yield TextDelta(text)
        elif delta:
            self._in_deltas = self._in_deltas or any(map(delta.get, TELLING))
            yield from self._deltas(delta)
        if reason := choice.get("finish_reason"):
            self._note_end(reason)
        elif self._reason and members(delta).get("content"):
            self.goes_on = True

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
        usage = openai_usage(self._usage, "prompt", "completion")
        return Finished(reason_beside_calls(reason, bool(self._calls)), self._model, usage)

    def _note_end(self, reason: Any) -> None:
        if found := reason_of(self._provider, reason):
            self._reason, self.goes_on = last_reason(self._reason, found), False

    def _whole(self, choice: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Read what stands where others send deltas: a message, whole or in pieces, or bare text."""
        message = members(choice.get("message"))
        if not message:
            yield from spoken(choice.get("text") or choice.get("delta"))
        elif not self._in_deltas:  # or it says again what they have said
            yield from self._deltas(self._added(message))

    def _added(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return a message without the beginning that was told before, where each says all there is so far."""
        text = text_or_nothing(message.get("content"))
        if not text:
            return message
        said, grows = self._said, bool(self._said) and text.startswith(self._said)
        self._said = text if grows else said + text
        return {**message, "content": text.removeprefix(said) if grows else text}

    def _deltas(self, delta: dict[str, Any]) -> Iterator[ProviderEvent]:
        yield from spoken(delta.get("reasoning_content") or delta.get("reasoning"), ReasoningDelta)
        yield from spoken(delta.get("content"))
        if refusal := text_or_nothing(delta.get("refusal")):
            self._refused = True
            yield RefusalDelta(refusal)
        if not delta.keys() <= PLAIN:
            yield from self._others(delta)

    def _others(self, delta: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Read what few deltas have; `function_call` is what a call was when there was only one."""
        self._state.note(delta)
        for call in objects(delta.get("tool_calls")):
            yield from self._calls.read(call)
        if function := members(delta.get("function_call")):
            yield from self._calls.read({"index": -1, "function": function})
        for image in objects(delta.get("images")):  # as OpenRouter and LiteLLM send them
            yield from file_at(members(image.get("image_url")).get("url"))
        for annotation in objects(delta.get("annotations")):
            yield from self._sources.read(members(annotation.get("url_citation")) or annotation, "url")
