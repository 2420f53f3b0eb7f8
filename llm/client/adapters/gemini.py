"""Gemini's REST interface, as google-genai speaks it."""

from collections.abc import AsyncGenerator, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from llm.client.adapters.base import added, read_events, text_or_nothing, token_count, versioned
from llm.client.adapters.gemini_config import generation_config, tool_config
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

BASE_URL = "https://generativelanguage.googleapis.com"
REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",  # unless it comes with what the rest is asked for with
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "PUP_LIMITED_DISABLED": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
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
PART = "CONTINUATION"
MAX_PARTS = 10


class GeminiAdapter:
    def __init__(self, provider: ProviderConfig) -> None:
        self._name = provider.name
        self._base_url = versioned(provider.base_url or BASE_URL, "v1beta")
        self._headers = {"x-goog-api-key": provider.key} if provider.key else {}

    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]:
        """Stream a reply from the provider's address, by default Google itself."""
        reader = GeminiReader(self._name, prompt.model)
        return read_events(self._request(prompt, ""), reader, partial(self._go_on, prompt, reader))

    def _request(self, prompt: Prompt, token: str) -> Request:
        url = f"{self._base_url}/models/{quote(prompt.model, safe='')}:streamGenerateContent?alt=sse"
        return Request(self._name, url, self._headers, partial(_body, self._name, prompt, token), prompt.size)

    def _go_on(self, prompt: Prompt, reader: "GeminiReader") -> Request | None:
        return self._request(prompt, token) if (token := reader.resume()) else None


def _body(provider: str, prompt: Prompt, token: str) -> dict[str, Any]:
    """Write a request; with a `token` it is the same once more, for the rest of a reply."""
    body: dict[str, Any] = {"contents": contents_of(prompt, provider)}
    if prompt.system:
        body["systemInstruction"] = {"role": "user", "parts": [{"text": prompt.system}]}
    if config := generation_config(prompt):
        body["generationConfig"] = config
    if prompt.tools:
        body["tools"] = [{"functionDeclarations": [gemini_tool(tool) for tool in prompt.tools]}]
        body |= tool_config(prompt.params.get("tool_choice"))
    return body | ({"continuationToken": token} if token else {})


class GeminiReader:
    """Reads GenerateContentResponse objects; the stream has no mark of its own for its end."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._asked = self._model = model
        self._reason: FinishReason | None = None
        self._usage: Any = None
        self._before: Usage | None = None  # of the parts of the reply before this one
        self._token, self._is_part, self._parts = "", False, 0
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
                if token := candidate.get("continuationToken"):
                    self._token = text_or_nothing(token)
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
        usage = added(self._before, _usage(self._usage))
        return Finished("tool_calls" if goes_on else self._reason, self._model, usage)

    def resume(self) -> str:
        """Return what the rest of the reply is asked for with; nothing where this was its end."""
        if not self._is_part or not self._token:
            return ""
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise ProviderBroken(self._provider, "continued too often")
        token, self._token = self._token, ""
        self._before, self._usage, self._reason = added(self._before, _usage(self._usage)), None, None
        return token

    def _note_end(self, reason: str) -> None:
        if reason in BROKEN:
            raise ProviderBroken(self._provider, reason)
        self._is_part = reason == PART
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
    names = ("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    prompt, shown, candidates, thoughts = map(token_count, map(found.get, names))
    return Usage(prompt + shown, candidates + thoughts)
