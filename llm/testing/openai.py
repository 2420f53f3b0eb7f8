"""OpenAI's chat completions as the fake speaks them."""

from collections.abc import Iterable, Mapping
from typing import Any

from llm.testing.dialect import Call, Payload, error_message
from llm.testing.openai_calls import call_deltas, whole_calls
from llm.testing.openai_checks import check_tools, files_of
from llm.testing.script import Script

TYPES = {401: "invalid_request_error", 403: "permission_error", 404: "invalid_request_error"}
CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


class OpenAIDialect:
    done = b"[DONE]"
    names_events = False

    def call(self, body: Payload, path: str) -> Call:
        """Read a request as the vendor would; KeyError and the like are the sender's mistakes."""
        messages = body["messages"]
        texts = [_text(message.get("content")) for message in messages]
        asked = max((at for at, message in enumerate(messages) if message["role"] == "user"), default=-1)
        return Call(
            model=body["model"],
            prompt=texts[asked],
            rounds=sum(bool(message.get("tool_calls")) for message in messages[asked:]),
            stream=bool(body.get("stream")),
            include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
            prompt_tokens=sum(map(len, texts)) // 4 + 1,
            files=tuple(files_of(messages)),
            n=body.get("n") or 1,
            logprobs=bool(body.get("logprobs")),
        )

    def check(self, body: Payload, script: Script, headers: Mapping[str, str]) -> None:
        check_tools(body)

    def opening(self, script: Script, call: Call) -> list[Payload]:
        """The role comes first, then reasoning and a refusal."""
        deltas: list[Payload] = [{"role": "assistant", "content": "", "refusal": None}]
        if "role_only" in script.oddities:
            deltas.append({"role": "assistant"})
        if "null_content" in script.oddities:
            deltas.append({"content": None})
        if script.reasoning:
            deltas += _reasoning(script)
        if script.refusal:
            deltas.append({"refusal": script.refusal})
        opened = [_chunk(call, delta) for delta in deltas]
        for choice in opened[0]["choices"][1:]:
            choice["delta"] = {**choice["delta"], "content": mark_of(choice["index"])}
        return opened

    def delta(self, text: str, script: Script, call: Call) -> Payload:
        return _chunk(call, {"content": text}, logprobs=logprobs_of([text]) if call.logprobs else None)

    def extras(self, script: Script, call: Call) -> list[Payload]:
        """Calls and sources, behind the text."""
        deltas = call_deltas(script, call) if script.calls else []
        if script.pictures:
            deltas.append({"images": _pictures(script)})
        if script.sources:
            deltas.append({"annotations": _annotations(script)})
        return [_chunk(call, delta) for delta in deltas]

    def ending(self, script: Script, call: Call, count: int) -> list[Payload]:
        """The finish reason, then usage for whoever asked."""
        chunks = [_chunk(call, {}, _finish(script))]
        if call.include_usage:
            chunks.append(_envelope(call, "chat.completion.chunk", [], _usage(script, call, count)))
        return chunks

    def whole(self, script: Script, call: Call) -> Payload:
        """The answer to a request that does not stream."""
        deltas = script.deltas(call.prompt)
        message: Payload = {
            "role": "assistant",
            "content": "".join(deltas) or (None if script.calls else ""),
            "refusal": script.refusal or None,
        }
        if script.reasoning:
            message["reasoning_content"] = script.reasoning
        if script.calls:
            message["tool_calls"] = whole_calls(script, call)
        if script.pictures:
            message["images"] = _pictures(script)
        if script.sources:
            message["annotations"] = _annotations(script)
        choices = [
            {
                "index": index,
                "message": message | ({"content": mark_of(index) + message["content"]} if deltas and index else {}),
                "finish_reason": _finish(script),
                "logprobs": logprobs_of(deltas) if call.logprobs else None,
            }
            for index in range(call.n)
        ]
        return _envelope(call, "chat.completion", choices, _usage(script, call, len(deltas)))

    def error(self, status: int, code: str, retry_after: str) -> Payload:
        code = code or CODES.get(status, "")
        kind = TYPES.get(status) or ("server_error" if status >= 500 else code or "invalid_request_error")
        message = error_message(status, code)
        return {"error": {"message": message, "type": kind, "param": None, "code": code or None}}

    def stream_error(self, script: Script, call: Call) -> Payload:
        return self.error(500, script.error_code, "")


def _finish(script: Script) -> str:
    calls = script.calls and script.finish == "stop" and "finish_stop" not in script.oddities
    return "tool_calls" if calls else script.finish


def _reasoning(script: Script) -> list[Payload]:
    """Show thoughts as DeepSeek does, as vLLM does, or as OpenRouter does, in pieces with a signature at the end."""
    if "reasoning_details" in script.oddities:
        detail = {"type": "reasoning.text", "index": 0}
        half = len(script.reasoning) // 2
        texts = script.reasoning[:half], script.reasoning[half:]
        deltas: list[Payload] = [{"reasoning": t, "reasoning_details": [{**detail, "text": t}]} for t in texts]
        return [*deltas, {"reasoning_details": [{**detail, "signature": script.signature}]}]
    return [{"reasoning" if "reasoning_field" in script.oddities else "reasoning_content": script.reasoning}]


def _pictures(script: Script) -> list[Payload]:
    """Write them as OpenRouter does."""
    urls = [f"data:image/png;base64,{data}" for data in script.pictures]
    return [{"type": "image_url", "index": at, "image_url": {"url": url}} for at, url in enumerate(urls)]


def _annotations(script: Script) -> list[Payload]:
    citations = [{"url": url, "title": title, "start_index": 0, "end_index": 0} for url, title in script.sources]
    return [{"type": "url_citation", "url_citation": each} for each in citations]


def mark_of(index: int) -> str:
    """Return what tells the text of a further choice from that of the first."""
    return f"Choice {index}: "


def logprobs_of(tokens: Iterable[str]) -> Payload:
    alternatives = [{"token": "other", "logprob": -2.5, "bytes": None}]
    content = [
        {"token": token, "logprob": -0.25, "bytes": list(token.encode()), "top_logprobs": alternatives}
        for token in tokens
    ]
    return {"content": content, "refusal": None}


def _chunk(call: Call, delta: Payload, finish: str | None = None, logprobs: Payload | None = None) -> Payload:
    """Return one chunk with all choices; each is sent alone."""
    choices = [
        {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish} for index in range(call.n)
    ]
    chunk = _envelope(call, "chat.completion.chunk", choices, None)
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


def _usage(script: Script, call: Call, count: int) -> Payload:
    count *= call.n
    return {
        "prompt_tokens": call.prompt_tokens,
        "completion_tokens": count,
        "total_tokens": call.prompt_tokens + count,
        "prompt_tokens_details": {"cached_tokens": call.prompt_tokens // 2},
        "completion_tokens_details": {"reasoning_tokens": count // 2},
    } | script.odd_usage


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""
