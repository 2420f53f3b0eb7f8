"""OpenAI's chat completions on the wire: chunks, the whole answer, errors. No `id:` lines: its Python client trips."""

from dataclasses import dataclass
from typing import Any

from chats.wire import sse
from common.errors import ParleyError
from common.json import dumps
from llm.client.types import Finished, Usage

HEADERS = sse.HEADERS
DONE = b"data: [DONE]\n\n"
FINISH_REASONS = {"length": "length", "content_filter": "content_filter"}
TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 403: "permission_error", 429: "rate_limit_error"}
NO_RETRY = {"provider_refused", "provider_empty", "turn_running"}  # what trying again at once cannot mend


@dataclass(slots=True)
class CompletionHead:
    """What all parts of one completion share."""

    id: str
    created: int
    model: str
    metadata: dict[str, str] | None = None  # where it is stored

    def head(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        if self.metadata:
            found["metadata"] = self.metadata
        return found


def usage_of(usage: Usage | None) -> dict[str, int]:
    """Return the tokens; a provider that counts none is answered with zeros, since clients add them up."""
    prompt, completion = (usage.prompt, usage.completion) if usage else (0, 0)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def completion(answer: CompletionHead, text: str, reasoning: str, finished: Finished) -> dict[str, Any]:
    """Return the whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if reasoning:
        message["reasoning_content"] = reasoning
    choice = {"index": 0, "message": message, "finish_reason": finish_reason(finished.reason), "logprobs": None}
    return {**answer.head("chat.completion"), "choices": [choice], "usage": usage_of(finished.usage)}


def finish_reason(reason: str) -> str:
    return FINISH_REASONS.get(reason, "stop")


class ChunkEncoder:
    """Encodes one streamed completion."""

    def __init__(self, answer: CompletionHead, include_usage: bool) -> None:
        self._answer, self._include_usage = answer, include_usage

    def start(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def delta(self, kind: str, text: str) -> bytes:
        """Return a chunk with some text; `kind` is text or reasoning."""
        return self._chunk({"reasoning_content" if kind == "reasoning" else "content": text})

    def end(self, finished: Finished) -> bytes:
        """Return the last chunks, with the usage where it was asked for."""
        last = self._chunk({}, finish_reason(finished.reason))
        if self._include_usage:
            whole = {**self._answer.head("chat.completion.chunk"), "choices": [], "usage": usage_of(finished.usage)}
            last += b"data: %b\n\n" % dumps(whole)
        return last + DONE

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        body = {**self._answer.head("chat.completion.chunk"), "choices": [choice]}
        if self._include_usage:
            body["usage"] = None
        return b"data: %b\n\n" % dumps(body)


def error_body(refusal: ParleyError) -> dict[str, Any]:
    """Return OpenAI's error object."""
    fields = [name for name in refusal.errors if name != "details"]
    kind = TYPES.get(refusal.status, "server_error" if refusal.status >= 500 else "invalid_request_error")
    code = "rate_limit_exceeded" if refusal.code == "too_many_streams" else refusal.code
    return {"error": {"message": refusal.detail, "type": kind, "param": fields[0] if fields else None, "code": code}}


def error_event(refusal: ParleyError) -> bytes:
    """Return a failure inside a stream; nothing, not even [DONE], comes after it."""
    return b"data: %b\n\n" % dumps(error_body(refusal))


def error_headers(refusal: ParleyError) -> dict[str, str]:
    """Return what tells the official clients not to send a hopeless request three times."""
    return {"X-Should-Retry": "false"} if refusal.code in NO_RETRY else {}
