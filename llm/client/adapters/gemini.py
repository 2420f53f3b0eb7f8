"""Gemini's REST interface, as google-genai speaks it."""

import re
from collections.abc import AsyncGenerator, Iterator
from typing import Any
from urllib.parse import quote

from django.conf import settings

from llm.client.adapters.base import read_events, text_or_nothing
from llm.client.errors import PromptBlocked
from llm.client.transport import Request
from llm.client.types import Finished, FinishReason, Prompt, ProviderEvent, ReasoningDelta, TextDelta, Usage

BASE_URL = "https://generativelanguage.googleapis.com/v1beta"
ROLES = {"user": "user", "assistant": "model"}
PARAMS = {"max_tokens": "maxOutputTokens", "temperature": "temperature", "top_p": "topP"}
REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "MALFORMED_FUNCTION_CALL": "tool_calls",
    "UNEXPECTED_TOOL_CALL": "tool_calls",
}
# The API's way to say "not finished" in words.
UNFINISHED = "FINISH_REASON_UNSPECIFIED"


class GeminiAdapter:
    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """Stream a reply from GEMINI_BASE_URL, by default Google itself."""
        return read_events(_request(prompt), GeminiReader(prompt.model))


def _base_url() -> str:
    """Take an address with its API version as it is, and add `v1beta` to one without.

    So both the full address and the bare host that google-genai calls `base_url` work.
    """
    base = (settings.GEMINI_BASE_URL or BASE_URL).rstrip("/")
    has_version = re.search(r"/v\d+\w*$", base)
    return base if has_version else f"{base}/v1beta"


def _request(prompt: Prompt) -> Request:
    model = quote(prompt.model, safe="")
    url = f"{_base_url()}/models/{model}:streamGenerateContent?alt=sse"
    key = settings.GEMINI_API_KEY
    return Request("gemini", url, {"x-goog-api-key": key} if key else {}, _body(prompt), prompt.size)


def _body(prompt: Prompt) -> dict[str, Any]:
    contents = [{"role": ROLES[each.role], "parts": [{"text": each.text}]} for each in prompt.messages]
    body: dict[str, Any] = {"contents": contents}
    if prompt.system:
        body["systemInstruction"] = {"role": "user", "parts": [{"text": prompt.system}]}
    if params := {PARAMS[name]: value for name, value in prompt.params.items() if name in PARAMS}:
        body["generationConfig"] = params
    return body


class GeminiReader:
    """Reads GenerateContentResponse objects; the stream has no mark of its own for its end."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None

    def read(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Yield the parts of the first candidate; refuse what the prompt filter refused."""
        self._model = chunk.get("modelVersion") or self._model
        if usage := chunk.get("usageMetadata"):
            self._usage = _usage(usage)
        candidates = chunk.get("candidates") or ()
        if not candidates and (reason := (chunk.get("promptFeedback") or {}).get("blockReason")):
            raise PromptBlocked("gemini", str(reason))
        for candidate in candidates:
            if not candidate.get("index"):
                yield from _deltas(candidate.get("content") or {})
                self._note_end(candidate.get("finishReason"))

    def end(self) -> Finished | None:
        """Return the end once a candidate has given its reason."""
        return Finished(self._reason, self._model, self._usage) if self._reason else None

    def _note_end(self, reason: str | None) -> None:
        if reason and reason != UNFINISHED:
            self._reason = REASONS.get(reason, "other")


def _deltas(content: dict[str, Any]) -> Iterator[ProviderEvent]:
    for part in content.get("parts") or ():
        if text := text_or_nothing(part.get("text")):
            yield ReasoningDelta(text) if part.get("thought") else TextDelta(text)


def _usage(found: dict[str, Any]) -> Usage:
    """Thoughts are billed as output, so they count as such."""
    completion = (found.get("candidatesTokenCount") or 0) + (found.get("thoughtsTokenCount") or 0)
    return Usage(found.get("promptTokenCount") or 0, completion)
