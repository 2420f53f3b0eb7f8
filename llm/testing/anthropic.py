"""Anthropic's Messages as the fake speaks them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from llm.testing.anthropic_checks import blocks_of, check_messages, check_params, files_of, texts_of
from llm.testing.dialect import Call, Payload, error_message, halves, signature
from llm.testing.script import PAUSE, Script, cut

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal", PAUSE: "pause_turn"}


class AnthropicDialect:
    done = b""
    names_events = True

    def call(self, body: Payload, path: str) -> Call:
        """Read a request as the vendor would; KeyError and the like are the sender's mistakes."""
        messages = body["messages"]
        texts = [texts_of(message) for message in messages]
        asked = max((at for at, each in enumerate(messages) if each["role"] == "user" and texts[at]), default=-1)
        after = messages[asked + 1 :] if asked >= 0 else messages
        return Call(
            model=body["model"],
            prompt="".join(texts[asked]),
            rounds=sum(any(each["type"] == "tool_result" for each in blocks_of(message)) for message in after),
            stream=bool(body.get("stream")),
            include_usage=True,
            prompt_tokens=sum(len("".join(each)) for each in texts) // 4 + 1,
            files=tuple(files_of(messages)),
            thoughts=_thoughts_for(body.get("thinking") or {}),
            is_resumed=messages[-1]["role"] == "assistant",
        )

    def check(self, body: Payload, script: Script, headers: Mapping[str, str]) -> None:
        check_params(body, headers)
        check_messages(body, script)

    def opening(self, script: Script, call: Call) -> list[Payload]:
        """The message comes first, then its thoughts, then the text begins."""
        start = {"type": "message_start", "message": _message(script, call, [], None, 1)}
        events: list[Payload] = [start, {"type": "ping"}]
        blocks = _blocks(script, call)
        for index, block in enumerate(blocks):
            if block["type"] == "text":
                events.append({"type": "content_block_start", "index": index, "content_block": _text("")})
                events += [_grow(index, "text_delta", text=piece) for piece in halves(script.refusal)]
            elif block["type"] != "tool_use":
                events += _thinking(index, block)
        return events

    def delta(self, text: str, script: Script, call: Call) -> Payload:
        return _grow(len(_thoughts(script, call)), "text_delta", text=text)

    def extras(self, script: Script, call: Call) -> list[Payload]:
        """Sources of the text, then the calls."""
        place = _text_place(script, call)
        events = [_grow(place, "citations_delta", citation=_citation(*each)) for each in script.sources if place >= 0]
        if script.calls and place >= 0:
            events.append({"type": "content_block_stop", "index": place})
        blocks = _blocks(script, call)
        first = len(blocks) - len(script.calls)
        for number, each in enumerate(script.calls):
            events += _calling(first + number, blocks[first + number], each.arguments, script.chunk)
        return events

    def ending(self, script: Script, call: Call, count: int) -> list[Payload]:
        """The text ends, then the message."""
        place = _text_place(script, call)
        closing = [{"type": "content_block_stop", "index": place}] if place >= 0 and not script.calls else []
        delta = {"stop_reason": _finish(script), "stop_sequence": None, "stop_details": _details(script)}
        usage = {"output_tokens": count, **script.odd_usage}
        return [*closing, {"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]

    def whole(self, script: Script, call: Call) -> Payload:
        """The answer to a request that does not stream."""
        count = len(script.deltas(call.prompt))
        message = _message(script, call, _blocks(script, call), _finish(script), count)
        return message | {"stop_details": _details(script)}

    def error(self, status: int, code: str, retry_after: str) -> Payload:
        kind = code or TYPES.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": error_message(status, code)}}

    def stream_error(self, script: Script, call: Call) -> Payload:
        return self.error(500, script.error_code, "")


def _thoughts_for(thinking: Payload) -> Literal["shown", "hidden", "none"]:
    if thinking.get("type") not in ("adaptive", "enabled"):
        return "none"
    is_shown = thinking.get("display", "summarized" if thinking["type"] == "enabled" else "omitted") == "summarized"
    return "shown" if is_shown else "hidden"


def _thoughts(script: Script, call: Call) -> list[Payload]:
    if not script.reasoning or call.thoughts == "none":
        return []
    thinking = script.reasoning if call.thoughts == "shown" else ""
    signed = "" if "unsigned" in script.oddities else signature(call.model, thinking)
    hidden = {"type": "redacted_thinking", "data": signature(call.model, "redacted")}
    block = {"type": "thinking", "thinking": thinking, "signature": signed}
    return [block, hidden] if "redacted_thinking" in script.oddities else [block]


def _blocks(script: Script, call: Call) -> list[Payload]:
    """Write the content: thoughts, the text, the calls."""
    blocks = _thoughts(script, call)
    text = "".join(script.deltas(call.prompt)) or ("" if "silent_refusal" in script.oddities else script.refusal)
    if text:
        citations = [_citation(*each) for each in script.sources]
        blocks.append(_text(text) | ({"citations": citations} if citations else {}))
    for number, each in enumerate(script.calls):
        own_id = {} if "no_id" in script.oddities else {"id": each.id_at(call.rounds, number)}
        blocks.append({"type": "tool_use", **own_id, "name": each.name, "input": each.as_object() or {}})
    return blocks


def _text_place(script: Script, call: Call) -> int:
    return next((at for at, each in enumerate(_blocks(script, call)) if each["type"] == "text"), -1)


def _text(text: str) -> Payload:
    return {"type": "text", "text": text}


def _citation(url: str, title: str) -> Payload:
    about = {"cited_text": "", "encrypted_index": signature(url)}
    return {"type": "web_search_result_location", "url": url, "title": title, **about}


def _thinking(index: int, block: Payload) -> Iterable[Payload]:
    empty = {"type": "thinking", "thinking": "", "signature": ""} if "thinking" in block else block
    yield {"type": "content_block_start", "index": index, "content_block": empty}
    for piece in halves(block.get("thinking", "")):
        yield _grow(index, "thinking_delta", thinking=piece)
    if block.get("signature"):
        yield _grow(index, "signature_delta", signature=block["signature"])
    yield {"type": "content_block_stop", "index": index}


def _calling(index: int, block: Payload, arguments: str, chunk: int) -> Iterator[Payload]:
    """Write a call, its arguments in pieces; one without any streams none."""
    yield {"type": "content_block_start", "index": index, "content_block": {**block, "input": {}}}
    yield _grow(index, "input_json_delta", partial_json="")
    for piece in cut(arguments, chunk or len(arguments)) if arguments != "{}" else ():
        yield _grow(index, "input_json_delta", partial_json=piece)
    yield {"type": "content_block_stop", "index": index}


def _grow(index: int, kind: str, **delta: Any) -> Payload:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **delta}}


def _finish(script: Script) -> str:
    if script.refusal and script.finish == "stop" and not script.calls:
        return "refusal"
    return "tool_use" if script.calls and script.finish == "stop" else REASONS.get(script.finish, script.finish)


def _details(script: Script) -> Payload | None:
    explanation = script.refusal or None
    return {"type": "refusal", "category": None, "explanation": explanation} if _finish(script) == "refusal" else None


def _message(script: Script, call: Call, content: list[Payload], finish: str | None, count: int) -> Payload:
    usage = {"input_tokens": call.prompt_tokens, "output_tokens": count, "cache_read_input_tokens": 0}
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": content,
        "stop_reason": finish,
        "stop_sequence": None,
        "usage": usage | {"cache_creation_input_tokens": 0} | (script.odd_usage if finish else {}),
    }
