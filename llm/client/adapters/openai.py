"""OpenAI's chat completions, and every server that speaks the same."""

from collections.abc import AsyncGenerator, Iterator
from typing import Any

from django.conf import settings

from llm.client.adapters.base import read_events, text_or_nothing
from llm.client.transport import Request
from llm.client.types import Finished, FinishReason, Prompt, ProviderEvent, ReasoningDelta, TextDelta, Usage

BASE_URL = "https://api.openai.com/v1"
REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
PARAMS = {"max_tokens": "max_completion_tokens", "temperature": "temperature", "top_p": "top_p"}


class OpenAIAdapter:
    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """Stream a reply from OPENAI_BASE_URL, by default OpenAI itself."""
        return read_events(_request(prompt), OpenAIReader(prompt.model))


def _request(prompt: Prompt) -> Request:
    base = (settings.OPENAI_BASE_URL or BASE_URL).rstrip("/")
    key = settings.OPENAI_API_KEY
    # Compatible servers may need no key, and some refuse an empty one.
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Request("openai", f"{base}/chat/completions", headers, _body(prompt), prompt.size)


def _body(prompt: Prompt) -> dict[str, Any]:
    messages = [{"role": message.role, "content": message.text} for message in prompt.messages]
    if prompt.system:
        messages.insert(0, {"role": "system", "content": prompt.system})
    params = {PARAMS[name]: value for name, value in prompt.params.items() if name in PARAMS}
    return {
        "model": prompt.model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        **params,
    }


class OpenAIReader:
    """Reads chat completion chunks: role-only, empty, null and usage-only ones among them."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._reason: FinishReason | None = None
        self._refused = False
        self._usage: Usage | None = None

    def read(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Yield the deltas of the first choice; there is no other unless one is asked for."""
        self._model = chunk.get("model") or self._model
        if usage := chunk.get("usage"):
            self._usage = Usage(usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)
        for choice in chunk.get("choices") or ():
            if not choice.get("index"):
                yield from self._deltas(choice.get("delta") or {})
                self._note_end(choice.get("finish_reason"))

    def end(self) -> Finished | None:
        """Usage comes after the finish reason, so the end waits for the stream's."""
        if self._reason is None:
            return None
        reason = "refusal" if self._refused and self._reason == "stop" else self._reason
        return Finished(reason, self._model, self._usage)

    def _deltas(self, delta: dict[str, Any]) -> Iterator[ProviderEvent]:
        if reasoning := text_or_nothing(delta.get("reasoning_content") or delta.get("reasoning")):
            yield ReasoningDelta(reasoning)
        if text := text_or_nothing(delta.get("content")):
            yield TextDelta(text)
        if refusal := text_or_nothing(delta.get("refusal")):
            self._refused = True
            yield TextDelta(refusal)

    def _note_end(self, reason: str | None) -> None:
        if reason:
            self._reason = REASONS.get(reason, "other")
