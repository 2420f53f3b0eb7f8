"""Gemini's REST interface as the fake speaks it."""

from typing import Any

from llm.testing.dialect import Call, Payload, error_message
from llm.testing.script import Script

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
RPC = "type.googleapis.com/google.rpc."


class GeminiDialect:
    done = b""

    def call(self, body: Payload, path: str) -> Call:
        """Read a request as the vendor would; KeyError and the like are the sender's mistakes."""
        texts = [_text(content) for content in body["contents"]]
        name, _, method = path.rpartition("/")[2].partition(":")
        return Call(
            model=name,
            prompt=texts[-1],
            stream=method == "streamGenerateContent",
            include_usage=True,
            prompt_tokens=sum(map(len, texts)) // 4 + 1,
        )

    def opening(self, script: Script, call: Call) -> list[Payload]:
        """Thoughts come first; a blocked prompt has no candidate at all."""
        if script.block:
            return [_blocked(script, call)]
        opening = [_chunk(call, [{"text": script.reasoning, "thought": True}])] if script.reasoning else []
        # This vendor has no field for it: a refusal is text like any other.
        return opening + ([_chunk(call, [{"text": script.refusal}])] if script.refusal else [])

    def delta(self, text: str, call: Call) -> Payload:
        return _chunk(call, [{"text": text}])

    def ending(self, script: Script, call: Call, count: int) -> list[Payload]:
        """The finish reason and the usage come together."""
        if script.block:
            return []
        finish = REASONS.get(script.finish, script.finish)
        return [_chunk(call, [{"text": ""}], finish) | {"usageMetadata": _usage(call, count)}]

    def whole(self, script: Script, call: Call) -> Payload:
        """The answer to a request that does not stream."""
        if script.block:
            return _blocked(script, call)
        deltas = script.deltas(call.prompt)
        finish = REASONS.get(script.finish, script.finish)
        answer = _chunk(call, [{"text": "".join(deltas) or script.refusal}], finish)
        return answer | {"usageMetadata": _usage(call, len(deltas))}

    def error(self, status: int, code: str, retry_after: str) -> Payload:
        details: list[Payload] = []
        if code:
            details.append({"@type": f"{RPC}ErrorInfo", "reason": code, "domain": "googleapis.com"})
            details.append({"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": code}]})
        if retry_after.isdigit():
            details.append({"@type": f"{RPC}RetryInfo", "retryDelay": f"{retry_after}s"})
        name = STATUSES.get(status, "UNKNOWN")
        message = error_message(status, code)
        return {"error": {"code": status, "message": message, "status": name, "details": details}}


def _chunk(call: Call, parts: list[Payload], finish: str = "") -> Payload:
    candidate: Payload = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": call.model, "responseId": "fake"}


def _blocked(script: Script, call: Call) -> Payload:
    feedback = {"blockReason": script.block, "safetyRatings": []}
    return {"promptFeedback": feedback, "modelVersion": call.model, "usageMetadata": _usage(call, 0)}


def _usage(call: Call, count: int) -> Payload:
    total = call.prompt_tokens + count
    found = {"promptTokenCount": call.prompt_tokens, "totalTokenCount": total}
    return found | {"candidatesTokenCount": count}


def _text(content: Any) -> str:
    return "".join(part.get("text", "") for part in content["parts"])
