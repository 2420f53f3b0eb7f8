"""OpenAI's chat completions as the fake speaks them."""

from typing import Any

from llm.testing.dialect import Call, Payload, error_message
from llm.testing.script import Script

TYPES = {401: "invalid_request_error", 403: "permission_error", 404: "invalid_request_error"}
CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


class OpenAIDialect:
    done = b"[DONE]"

    def call(self, body: Payload, path: str) -> Call:
        """Read a request as the vendor would; KeyError and the like are the sender's mistakes."""
        texts = [_text(message.get("content")) for message in body["messages"]]
        return Call(
            model=body["model"],
            prompt=texts[-1],
            stream=bool(body.get("stream")),
            include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
            prompt_tokens=sum(map(len, texts)) // 4 + 1,
        )

    def opening(self, script: Script, call: Call) -> list[Payload]:
        """The role comes first, then reasoning and a refusal."""
        deltas: list[Payload] = [{"role": "assistant", "content": "", "refusal": None}]
        if "role_only" in script.oddities:
            deltas.append({"role": "assistant"})
        if "null_content" in script.oddities:
            deltas.append({"content": None})
        if script.reasoning:
            deltas.append({"reasoning_content": script.reasoning})
        if script.refusal:
            deltas.append({"refusal": script.refusal})
        return [_chunk(call, delta) for delta in deltas]

    def delta(self, text: str, call: Call) -> Payload:
        return _chunk(call, {"content": text})

    def ending(self, script: Script, call: Call, count: int) -> list[Payload]:
        """The finish reason, then usage for whoever asked."""
        chunks = [_chunk(call, {}, script.finish)]
        if call.include_usage:
            chunks.append(_envelope(call, "chat.completion.chunk", [], _usage(call, count)))
        return chunks

    def whole(self, script: Script, call: Call) -> Payload:
        """The answer to a request that does not stream."""
        deltas = script.deltas(call.prompt)
        message: Payload = {
            "role": "assistant",
            "content": "".join(deltas),
            "refusal": script.refusal or None,
        }
        choice = {"index": 0, "message": message, "finish_reason": script.finish, "logprobs": None}
        return _envelope(call, "chat.completion", [choice], _usage(call, len(deltas)))

    def error(self, status: int, code: str, retry_after: str) -> Payload:
        code = code or CODES.get(status, "")
        kind = TYPES.get(status) or ("server_error" if status >= 500 else code or "invalid_request_error")
        message = error_message(status, code)
        return {"error": {"message": message, "type": kind, "param": None, "code": code or None}}


def _chunk(call: Call, delta: Payload, finish: str | None = None) -> Payload:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    chunk = _envelope(call, "chat.completion.chunk", [choice], None)
    if not call.include_usage:
        del chunk["usage"]
    return chunk


def _envelope(call: Call, kind: str, choices: list[Any], usage: Payload | None) -> Payload:
    return {
        "id": "chatcmpl-fake",
        "object": kind,
        "created": 1_790_000_000,
        "model": call.model,
        "choices": choices,
        "usage": usage,
    }


def _usage(call: Call, count: int) -> Payload:
    total = call.prompt_tokens + count
    return {"prompt_tokens": call.prompt_tokens, "completion_tokens": count, "total_tokens": total}


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""
