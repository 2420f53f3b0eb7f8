"""Gemini's REST interface, as google-genai speaks it."""

from collections.abc import AsyncGenerator, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from common.text import is_storable, repaired
from llm.client.adapters.base import added, read_events
from llm.client.adapters.fields import count, first, label, members, model_name, objects, text_or_nothing
from llm.client.adapters.files import generated_file
from llm.client.adapters.finish_reasons import last_reason, reason_beside_calls, reason_of
from llm.client.adapters.gemini_config import generation_config, tool_config
from llm.client.adapters.gemini_contents import SIGNATURE, contents_of, gemini_tool
from llm.client.adapters.sources import Sources
from llm.client.adapters.spoken import spoken
from llm.client.adapters.tool_calls import MAX_ID, MAX_NAME, CallLimits, arguments_text
from llm.client.endpoints import base_url_of, key_headers
from llm.client.error_mapping import refuse_error
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

MAX_PARTS = 10


class GeminiAdapter:
    def __init__(self, provider: ProviderConfig) -> None:
        self._name = provider.name
        self._base_url = base_url_of(provider)
        self._headers = key_headers(provider)

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
        self._usage: dict[str, Any] = {}
        self._before: Usage | None = None  # of the parts of the reply before this one
        self._token, self._parts = "", 0
        self.goes_on = False
        self._limits, self._sources = CallLimits(provider), Sources()

    def read(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Yield the parts of the first candidate; refuse what the prompt filter refused."""
        if (model := chunk.get("modelVersion")) and model != self._model:
            self._model = model_name(model, self._model)
        if (usage := chunk.get("usageMetadata")) and usage.__class__ is dict:
            self._usage = usage  # which is in every chunk, and read once
        candidates = chunk.get("candidates")
        candidate = candidates[0] if candidates.__class__ is list and candidates else first(candidates)
        if candidate.__class__ is not dict:
            return self._refuse(chunk)
        content = candidate.get("content")
        parts = content.get("parts") if content.__class__ is dict else content
        for part in parts if parts.__class__ is list else [parts]:
            if part.__class__ is dict and len(part) == 1 and (text := part.get("text")).__class__ is str:
                if text:  # as nearly all of them
                    yield TextDelta(text)
            else:
                yield from self._others(part)
        if found := candidate.get("groundingMetadata"):
            yield from self._found(found)
        if token := candidate.get("continuationToken"):
            self._token = text_or_nothing(token)
        if reason := candidate.get("finishReason"):
            self._note_end(reason)
        elif self._reason and any(part.get("text") for part in objects(parts)):
            self.goes_on = True

    def rest(self) -> Iterator[ProviderEvent]:
        """Yield nothing: calls come whole."""
        return iter(())

    def end(self) -> Finished | None:
        """Return the end once a candidate has given its reason."""
        if self._reason is None:
            return None
        reason = reason_beside_calls(self._reason, self._limits.has_calls)
        return Finished(reason, self._model, added(self._before, _usage(self._usage)))

    def resume(self) -> str:
        """Return what the rest of the reply is asked for with; nothing where this was its end."""
        if self._reason != "other" or not self._token:
            return ""
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise ProviderBroken(self._provider, "continued too often")
        token, self._token = self._token, ""
        self._before, self._usage, self._reason = added(self._before, _usage(self._usage)), {}, None
        return token

    def _refuse(self, chunk: dict[str, Any]) -> None:
        """Refuse an answer that has no candidate where that says why."""
        if reason := members(chunk.get("promptFeedback")).get("blockReason"):
            raise PromptBlocked(self._provider, label(reason, MAX_NAME))
        refuse_error(self._provider, chunk)

    def _note_end(self, reason: Any) -> None:
        if found := reason_of(self._provider, reason):
            self._reason, self.goes_on = last_reason(self._reason, found), False

    def _others(self, part: Any) -> Iterator[ProviderEvent]:
        """Read what few parts have; a signature may be all there is of a part, and then is kept as one."""
        if not isinstance(part, dict):
            yield from spoken(part)
            return
        is_thought, call = bool(part.get("thought")), members(part.get("functionCall"))
        text = text_or_nothing(part.get("text"))
        if text:
            yield ReasoningDelta(text) if is_thought else TextDelta(text)
        if (found := members(part.get("inlineData"))) and not is_thought:  # whose pictures are drafts
            yield from generated_file(found.get("data"), found.get("mimeType"))
        if call:
            yield self._call(call)
        if (signature := text_or_nothing(part.get(SIGNATURE))) and is_storable(signature):
            alone = {} if text or call else {"text": "", **({"thought": True} if is_thought else {})}
            yield ProviderMetadata(self._provider, self._asked, {**alone, SIGNATURE: signature})

    def _call(self, call: dict[str, Any]) -> RequestedCall:
        own_id = self._limits.begin(label(call.get("id"), MAX_ID))
        arguments = repaired(arguments_text(call.get("args") or {}))
        self._limits.count_text(arguments)
        return RequestedCall(own_id, label(call.get("name"), MAX_NAME), arguments)

    def _found(self, grounding: Any) -> Iterator[ProviderEvent]:
        for piece in objects(members(grounding).get("groundingChunks")):
            yield from self._sources.read(members(piece.get("web")), "uri")


def _usage(found: dict[str, Any]) -> Usage | None:
    """Thoughts are billed as output, so they count as such."""
    names = ("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    counts = [count(found.get(name)) for name in (*names, "cachedContentTokenCount")]
    prompt, shown, candidates, thoughts, cached = (each or 0 for each in counts)
    return None if counts == [None] * 5 else Usage(prompt + shown, candidates + thoughts, cached, thoughts)
