"""OpenAI's chat completions on the wire: chunks, the whole answer, errors. No `id:` lines: its Python client trips."""

from dataclasses import dataclass, field
from typing import Any

from chats.wire import sse
from common.errors import ParleyError
from common.json import dumps
from llm.client.types import (
    Finished,
    GeneratedFile,
    LogProbs,
    OtherChoice,
    ProviderEvent,
    ReasoningDelta,
    RefusalDelta,
    RequestedCall,
    TextDelta,
    ToolInputDelta,
    Usage,
)

HEADERS = sse.HEADERS
DONE = b"data: [DONE]\n\n"
FINISH_REASONS = {"length", "content_filter", "tool_calls"}  # all others are "stop"
REASONING = ("reasoning_content", "reasoning")  # clients read the one or the other
TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 403: "permission_error", 429: "rate_limit_error"}
OF_MESSAGES = {"file_unreadable", "file_type_refused", "file_not_ready"}  # which no check of the body can know
NO_RETRY = {"provider_refused", "provider_empty", "turn_running"}  # what trying again at once cannot mend


@dataclass(slots=True)
class CompletionHead:
    """What all parts of one completion share."""

    id: str
    created: int
    model: str
    metadata: dict[str, str] | None = None  # where it is stored
    headers: dict[str, str] = field(default_factory=dict)  # what is left of the caller's limits

    def head(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        if self.metadata:
            found["metadata"] = self.metadata
        return found


def usage_of(usage: Usage | None) -> dict[str, Any]:
    """Return the tokens; a provider that counts none is answered with zeros, since clients add them up."""
    counted = usage or Usage(0, 0)
    return {
        "prompt_tokens": counted.prompt,
        "completion_tokens": counted.completion,
        "total_tokens": counted.prompt + counted.completion,
        "prompt_tokens_details": {"cached_tokens": counted.cached},
        "completion_tokens_details": {"reasoning_tokens": counted.reasoning},
    }


def finish_reason(reason: str) -> str:
    return reason if reason in FINISH_REASONS else "stop"


def choice_of(event: ProviderEvent) -> tuple[int, ProviderEvent]:
    """Return which choice an event belongs to, and the event itself."""
    return (event.index, event.event) if isinstance(event, OtherChoice) else (0, event)


class WholeChoice:
    """One choice of an answer that does not stream, put together."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {"content": [], "refusal": [], "reasoning": []}
        self._calls: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []
        self._logprobs: list[Any] = []
        self.finished: Finished | None = None

    def take(self, event: ProviderEvent) -> None:
        if isinstance(event, TextDelta | ReasoningDelta):
            self._texts[_member(event)].append(event.text)
        elif isinstance(event, RequestedCall):
            self._calls.append(_call(event.id, event.name, event.arguments))
        elif isinstance(event, GeneratedFile):
            self._images.append(_image(event, len(self._images)))
        elif isinstance(event, LogProbs):
            self._logprobs += event.content
        elif isinstance(event, Finished):
            self.finished = event

    def payload(self, index: int) -> dict[str, Any]:
        texts = {name: "".join(pieces) for name, pieces in self._texts.items()}
        silent = not texts["content"] and (texts["refusal"] or self._calls)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None if silent else texts["content"],
            "refusal": texts["refusal"] or None,
        }
        if texts["reasoning"]:
            message |= dict.fromkeys(REASONING, texts["reasoning"])
        if self._calls:
            message["tool_calls"] = self._calls
        if self._images:
            message["images"] = self._images
        return {
            "index": index,
            "message": message,
            "finish_reason": finish_reason(self.finished.reason if self.finished else "other"),
            "logprobs": {"content": self._logprobs, "refusal": None} if self._logprobs else None,
        }


def completion(answer: CompletionHead, choices: dict[int, WholeChoice]) -> dict[str, Any]:
    """Return the whole answer; the first choice has the usage of all."""
    shown = [choices[index].payload(index) for index in sorted(choices)]
    finished = choices[0].finished
    return {**answer.head("chat.completion"), "choices": shown, "usage": usage_of(finished.usage if finished else None)}


def _member(event: TextDelta | ReasoningDelta) -> str:
    if isinstance(event, ReasoningDelta):
        return "reasoning"
    return "refusal" if isinstance(event, RefusalDelta) else "content"


def _call(id_: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def _image(event: GeneratedFile, index: int) -> dict[str, Any]:
    """Return a picture as OpenRouter does; OpenAI's own completions have none."""
    url = f"data:{event.media_type};base64,{event.data}"
    return {"type": "image_url", "index": index, "image_url": {"url": url}}


class StreamedChoice:
    """What the chunks of one choice depend on: which of its calls are known to the reader, and how far."""

    def __init__(self) -> None:
        self.is_begun = False
        self.images = 0
        self.logprobs: list[Any] = []  # of the text that comes next
        self._calls: dict[str, tuple[int, int]] = {}  # index and length told, by id

    def take_logprobs(self) -> dict[str, Any] | None:
        """Return what has not been told of them; they go with the text behind them."""
        if not self.logprobs:
            return None
        content, self.logprobs = self.logprobs, []
        return {"content": content, "refusal": None}

    def call_deltas(self, event: ToolInputDelta | RequestedCall) -> list[dict[str, Any]]:
        """Return what a piece of a call, or the whole of it, adds to what was told; no piece before it has a name."""
        id_ = event.call if isinstance(event, ToolInputDelta) else event.id
        if id_ not in self._calls and not event.name and isinstance(event, ToolInputDelta):
            return []
        deltas = []
        if id_ not in self._calls:
            self._calls[id_] = len(self._calls), 0
            deltas.append({"index": self._calls[id_][0], **_call(id_, event.name, "")})
        index, told = self._calls[id_]
        text = event.text if isinstance(event, ToolInputDelta) else event.arguments[told:]
        if text:
            self._calls[id_] = index, told + len(text)
            deltas.append({"index": index, "function": {"arguments": text}})
        return deltas


class ChunkEncoder:
    """Encodes one streamed completion."""

    def __init__(self, answer: CompletionHead, include_usage: bool) -> None:
        self._answer, self._include_usage = answer, include_usage
        self._choices: dict[int, StreamedChoice] = {}
        self._first = self._choice(0)

    def start(self) -> bytes:
        return self._begin(0, self._first)

    def event(self, event: ProviderEvent) -> bytes:
        """Return the chunks of an event."""
        if event.__class__ is TextDelta:  # as nearly all of them
            return self._chunk(0, {"content": event.text})
        index, event = choice_of(event)
        choice = self._first if not index else self._choice(index)
        begun = b"" if choice.is_begun else self._begin(index, choice)
        if isinstance(event, ReasoningDelta):
            return begun + self._chunk(index, dict.fromkeys(REASONING, event.text))
        if isinstance(event, Finished):
            return begun + self._chunk(index, {}, finish_reason(event.reason))
        if isinstance(event, LogProbs):
            choice.logprobs += event.content
            return begun
        if isinstance(event, TextDelta):
            return begun + self._chunk(index, {_member(event): event.text})
        if isinstance(event, GeneratedFile):
            choice.images += 1
            return begun + self._chunk(index, {"images": [_image(event, choice.images - 1)]})
        if isinstance(event, ToolInputDelta | RequestedCall):
            chunks = [self._chunk(index, {"tool_calls": [delta]}) for delta in choice.call_deltas(event)]
            return begun + b"".join(chunks)
        return begun

    def end(self, finished: Finished) -> bytes:
        """Return the last chunks, with the usage where it was asked for."""
        last = self.event(finished)
        if self._include_usage:
            whole = {**self._answer.head("chat.completion.chunk"), "choices": [], "usage": usage_of(finished.usage)}
            last += b"data: %b\n\n" % dumps(whole)
        return last + DONE

    def _choice(self, index: int) -> StreamedChoice:
        return self._choices.get(index) or self._choices.setdefault(index, StreamedChoice())

    def _begin(self, index: int, choice: StreamedChoice) -> bytes:
        choice.is_begun = True
        return self._chunk(index, {"role": "assistant", "content": ""})

    def _chunk(self, index: int, delta: dict[str, Any], reason: str | None = None) -> bytes:
        logprobs = self._choices[index].take_logprobs()
        choice = {"index": index, "delta": delta, "finish_reason": reason, "logprobs": logprobs}
        body = {**self._answer.head("chat.completion.chunk"), "choices": [choice]}
        if self._include_usage:
            body["usage"] = None
        return b"data: %b\n\n" % dumps(body)


def error_body(refusal: ParleyError) -> dict[str, Any]:
    """Return OpenAI's error object."""
    fields = [name for name in refusal.errors if name != "details"]
    kind = TYPES.get(refusal.status, "server_error" if refusal.status >= 500 else "invalid_request_error")
    code = "rate_limit_exceeded" if refusal.code == "too_many_streams" else refusal.code
    param = fields[0] if fields else "messages" if code in OF_MESSAGES else None
    return {"error": {"message": refusal.detail, "type": kind, "param": param, "code": code}}


def error_event(refusal: ParleyError) -> bytes:
    """Return a failure inside a stream; nothing, not even [DONE], comes after it."""
    return b"data: %b\n\n" % dumps(error_body(refusal))


def error_headers(refusal: ParleyError) -> dict[str, str]:
    """Return what tells the official clients not to send a hopeless request three times."""
    return {"X-Should-Retry": "false"} if refusal.code in NO_RETRY else {}
