"""Gemini's REST interface as the fake speaks it."""

from collections.abc import Mapping
from typing import Any

from llm.testing.dialect import Call, Payload, Rejected, error_message
from llm.testing.gemini_checks import check_functions, check_signatures, files_of
from llm.testing.script import PAUSE, Script

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
REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY", PAUSE: "CONTINUATION"}
TOKEN = "dG9rZW4="
RPC = "type.googleapis.com/google.rpc."


class GeminiDialect:
    done = b""
    names_events = False

    def call(self, body: Payload, path: str) -> Call:
        """Read a request as the vendor would; KeyError and the like are the sender's mistakes."""
        texts = [_text(content) for content in body["contents"]]
        asked = _asked(body)
        name, _, method = path.rpartition("/")[2].partition(":")
        return Call(
            model=name,
            prompt=texts[asked],
            rounds=sum(_has(content, "functionResponse") for content in body["contents"][asked:]),
            stream=method == "streamGenerateContent",
            include_usage=True,
            prompt_tokens=sum(map(len, texts)) // 4 + 1,
            files=tuple(files_of(body)),
            thoughts="shown" if _thinks(body) else "hidden",
            is_resumed="continuationToken" in body,
        )

    def check(self, body: Payload, script: Script, headers: Mapping[str, str]) -> None:
        if body.get("continuationToken", TOKEN) != TOKEN:
            raise Rejected("bad_continuation_token")
        check_functions(body)
        check_signatures(body["contents"][_asked(body) :], script)

    def opening(self, script: Script, call: Call) -> list[Payload]:
        """Thoughts come first; a blocked prompt has no candidate at all."""
        if script.block:
            return [_blocked(script, call)]
        opening = [_chunk(call, [part]) for part in _thoughts(script, call)]
        # This vendor has no field for it: a refusal is text like any other.
        return opening + ([_chunk(call, [{"text": script.refusal}])] if script.refusal else [])

    def delta(self, text: str, script: Script, call: Call) -> Payload:
        return _chunk(call, [{"text": text}])

    def extras(self, script: Script, call: Call) -> list[Payload]:
        """Calls, each in a chunk of its own, and sources."""
        chunks = [_chunk(call, [part]) for part in [*_pictures(script), *_calls(script, call)]]
        return chunks + ([_chunk(call, [{"text": ""}], found=_grounding(script))] if script.sources else [])

    def ending(self, script: Script, call: Call, count: int) -> list[Payload]:
        """The finish reason, the usage and again the sources come together."""
        if script.block:
            return []
        last = _chunk(call, [_last_part(script)], _finish(script), _grounding(script))
        if script.finish == PAUSE:
            last["candidates"][0]["continuationToken"] = TOKEN
        return [last | {"usageMetadata": _usage(call, count) | script.odd_usage}]

    def whole(self, script: Script, call: Call) -> Payload:
        """The answer to a request that does not stream."""
        if script.block:
            return _blocked(script, call)
        deltas = script.deltas(call.prompt)
        text, last = "".join(deltas) or script.refusal, _last_part(script)
        parts = _thoughts(script, call)
        parts += [{"text": text}] if text or not script.calls else []
        parts += _pictures(script) + _calls(script, call) + ([last] if "thoughtSignature" in last else [])
        answer = _chunk(call, parts, _finish(script), _grounding(script))
        return answer | {"usageMetadata": _usage(call, len(deltas)) | script.odd_usage}

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

    def stream_error(self, script: Script, call: Call) -> Payload:
        return self.error(500, script.error_code, "")


def _thinks(body: Payload) -> bool:
    return bool(body.get("generationConfig", {}).get("thinkingConfig", {}).get("includeThoughts"))


def _thoughts(script: Script, call: Call) -> list[Payload]:
    """Show thoughts to whoever has asked to see them."""
    shown = script.reasoning if call.thoughts == "shown" else ""
    return [{"text": shown, "thought": True}] if shown else []


def _pictures(script: Script) -> list[Payload]:
    return [{"inlineData": {"mimeType": "image/png", "data": data}} for data in script.pictures]


def _calls(script: Script, call: Call) -> list[Payload]:
    """Write the calls, the first one signed; broken ones never leave the vendor."""
    if _is_malformed(script):
        return []
    parts: list[Payload] = []
    for number, each in enumerate(script.calls):
        name = {} if "no_id" in script.oddities else {"id": each.id_at(call.rounds, number)}
        parts.append({"functionCall": {**name, "name": each.name, "args": each.as_object()}})
    if parts and script.signature and "lone_signature" not in script.oddities:
        parts[0]["thoughtSignature"] = script.signature
    return parts


def _is_malformed(script: Script) -> bool:
    return any(each.as_object() is None for each in script.calls)


def _finish(script: Script) -> str:
    return "MALFORMED_FUNCTION_CALL" if _is_malformed(script) else REASONS.get(script.finish, script.finish)


def _last_part(script: Script) -> Payload:
    """An empty text, which has the signature of a reply without calls."""
    signed = script.signature and (not script.calls or "lone_signature" in script.oddities)
    return {"text": "", **({"thoughtSignature": script.signature} if signed else {})}


def _grounding(script: Script) -> Payload:
    chunks = [{"web": {"uri": url, "title": title}} for url, title in script.sources]
    return {"groundingMetadata": {"groundingChunks": chunks}} if chunks else {}


def _chunk(call: Call, parts: list[Payload], finish: str = "", found: Payload | None = None) -> Payload:
    candidate: Payload = {"content": {"parts": parts, "role": "model"}, "index": 0, **(found or {})}
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


def _asked(body: Payload) -> int:
    """Find the last content in which the user says something."""
    places = [at for at, each in enumerate(body["contents"]) if each.get("role") != "model" and _has(each, "text")]
    return places[-1] if places else -1


def _has(content: Payload, kind: str) -> bool:
    return any(kind in part for part in content["parts"])


def _text(content: Any) -> str:
    return "".join(part.get("text", "") for part in content["parts"])
