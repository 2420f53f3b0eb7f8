"""Gemini's REST interface, as google-genai speaks it."""

import re
from collections.abc import AsyncGenerator, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from llm.client.adapters.base import read_events, text_or_nothing
from llm.client.adapters.gemini_contents import SIGNATURE, contents_of, gemini_tool
from llm.client.adapters.sources import Sources
from llm.client.adapters.tool_calls import MAX_NAME, CallLimits, arguments_text
from llm.client.errors import PromptBlocked, ProviderBroken
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
    Usage,
)

BASE_URL = "https://generativelanguage.googleapis.com/v1beta"
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
}
# What the model wrote was no reply: the API ends the stream without what it refused to pass on.
BROKEN = {
    "MALFORMED_FUNCTION_CALL",
    "MALFORMED_RESPONSE",
    "MISSING_THOUGHT_SIGNATURE",
    "TOO_MANY_TOOL_CALLS",
    "UNEXPECTED_TOOL_CALL",
}
# The API's way to say "not finished" in words.
UNFINISHED = "FINISH_REASON_UNSPECIFIED"


class GeminiAdapter:
    def __init__(self, provider: ProviderConfig) -> None:
        self._name = provider.name
        self._base_url = _versioned(provider.base_url or BASE_URL)
        self._headers = {"x-goog-api-key": provider.key} if provider.key else {}

    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """Stream a reply from the provider's address, by default Google itself."""
        url = f"{self._base_url}/models/{quote(prompt.model, safe='')}:streamGenerateContent?alt=sse"
        request = Request(self._name, url, self._headers, partial(_body, self._name, prompt), prompt.size)
        return read_events(request, GeminiReader(self._name, prompt.model))


def _versioned(address: str) -> str:
    """Take an address with its API version as it is, and add `v1beta` to one without.

    So both the full address and the bare host that google-genai calls `base_url` work.
    """
    base = address.rstrip("/")
    has_version = re.search(r"/v\d+\w*$", base)
    return base if has_version else f"{base}/v1beta"


def _body(provider: str, prompt: Prompt) -> dict[str, Any]:
    body: dict[str, Any] = {"contents": contents_of(prompt, provider)}
    if prompt.system:
        body["systemInstruction"] = {"role": "user", "parts": [{"text": prompt.system}]}
    if params := {PARAMS[name]: value for name, value in prompt.params.items() if name in PARAMS}:
        body["generationConfig"] = params
    if prompt.tools:
        body["tools"] = [{"functionDeclarations": [gemini_tool(tool) for tool in prompt.tools]}]
    return body


class GeminiReader:
    """Reads GenerateContentResponse objects; the stream has no mark of its own for its end."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._asked = self._model = model
        self._reason: FinishReason | None = None
        self._usage: Any = None
        self._limits, self._sources = CallLimits(provider), Sources()

    def read(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Yield the parts of the first candidate; refuse what the prompt filter refused."""
        self._model = chunk.get("modelVersion") or self._model
        self._usage = chunk.get("usageMetadata") or self._usage  # which is in every chunk, and read once
        candidates = chunk.get("candidates") or ()
        if not candidates and (reason := (chunk.get("promptFeedback") or {}).get("blockReason")):
            raise PromptBlocked(self._provider, str(reason))
        for candidate in candidates:
            if not candidate.get("index"):
                yield from self._deltas(candidate.get("content") or {})
                if found := candidate.get("groundingMetadata"):
                    yield from self._found(found)
                if reason := candidate.get("finishReason"):
                    self._note_end(reason)

    def rest(self) -> Iterator[ProviderEvent]:
        """Yield nothing: calls come whole."""
        return iter(())

    def end(self) -> Finished | None:
        """Return the end once a candidate has given its reason."""
        if self._reason is None:
            return None
        goes_on = self._limits.has_calls and self._reason != "content_filter"
        return Finished("tool_calls" if goes_on else self._reason, self._model, _usage(self._usage))

    def _note_end(self, reason: str) -> None:
        if reason in BROKEN:
            raise ProviderBroken(self._provider, reason)
        if reason != UNFINISHED:
            self._reason = REASONS.get(reason, "other")

    def _deltas(self, content: dict[str, Any]) -> Iterator[ProviderEvent]:
        for part in content.get("parts") or ():
            if len(part) == 1 and (text := part.get("text")):  # as nearly all of them
                yield TextDelta(text_or_nothing(text))
            else:
                yield from self._others(part, text_or_nothing(part.get("text")))

    def _others(self, part: dict[str, Any], text: str) -> Iterator[ProviderEvent]:
        """Read what few parts have; a signature may be all there is of a part, and then is kept as one."""
        is_thought, call = bool(part.get("thought")), part.get("functionCall")
        if text:
            yield ReasoningDelta(text) if is_thought else TextDelta(text)
        if call:
            yield self._call(call)
        if signature := part.get(SIGNATURE):
            alone = {} if text or call else {"text": "", **({"thought": True} if is_thought else {})}
            yield ProviderMetadata(self._provider, self._asked, {**alone, SIGNATURE: signature})

    def _call(self, call: dict[str, Any]) -> RequestedCall:
        own_id = self._limits.begin(text_or_nothing(call.get("id")))
        arguments = arguments_text(call.get("args") or {})
        self._limits.count_text(arguments)
        return RequestedCall(own_id, text_or_nothing(call.get("name"))[:MAX_NAME], arguments)

    def _found(self, grounding: dict[str, Any]) -> Iterator[ProviderEvent]:
        for piece in grounding.get("groundingChunks") or ():
            yield from self._sources.read(piece.get("web") or {}, "uri")


def _usage(found: Any) -> Usage | None:
    """Thoughts are billed as output, so they count as such; a count that is no number is none."""
    if not isinstance(found, dict):
        return None
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    prompt, candidates, thoughts = (each if isinstance(each, int) else 0 for each in map(found.get, names))
    return Usage(prompt, candidates + thoughts)
