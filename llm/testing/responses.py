"""OpenAI's Responses as the fake speaks them."""

from collections.abc import Iterator, Mapping
from itertools import chain, zip_longest
from typing import Any

from llm.testing.dialect import Call, Payload, error_message, halves, signature
from llm.testing.openai import CODES, TYPES
from llm.testing.responses_checks import check_input, check_params, files_of, item_text
from llm.testing.script import Script, cut
from llm.testing.scripted_calls import ScriptedCall

INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponsesDialect:
    done = b""
    names_events = True

    def call(self, body: Payload, path: str) -> Call:
        """Read a request as the vendor would; KeyError and the like are the sender's mistakes."""
        given = body["input"]
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        texts = [item_text(item) for item in items]
        asked = max((at for at, item in enumerate(items) if item.get("role") == "user"), default=-1)
        kinds = [item.get("type") for item in items[asked:]]
        rounds = sum(a == "function_call_output" != b for a, b in zip(kinds, [*kinds[1:], None], strict=True))
        wanted = body.get("reasoning") or {}
        return Call(
            model=body["model"],
            prompt=texts[asked],
            rounds=rounds,
            stream=bool(body.get("stream")),
            include_usage="reasoning.encrypted_content" in body.get("include", ()),
            prompt_tokens=sum(map(len, texts)) // 4 + 1,
            files=tuple(files_of(items)),
            thoughts="shown" if wanted.get("summary") else "hidden",
        )

    def check(self, body: Payload, script: Script, headers: Mapping[str, str]) -> None:
        check_params(body)
        if not isinstance(body["input"], str):
            check_input(body["input"], body["model"])

    def opening(self, script: Script, call: Call) -> list[Payload]:
        """The response comes first, then its thoughts, then the message begins."""
        response = _response(script, call, "in_progress", [], 0)
        events: list[Payload] = [
            {"type": f"response.{name}", "response": response} for name in ("created", "in_progress")
        ]
        for index, item in enumerate(_items(script, call)):
            if item["type"] == "reasoning":
                events += _thinking(index, item)
            elif item["type"] == "message":
                events += _speaking(index, item)
        return events

    def delta(self, text: str, script: Script, call: Call) -> Payload:
        place, item = int(bool(script.reasoning)), f"msg_{call.rounds}"
        return _at(place, "output_text.delta", item, content_index=0, delta=text, logprobs=[])

    def extras(self, script: Script, call: Call) -> list[Payload]:
        """Sources of the text, then the calls."""
        place, items = _message_place(script, call), _items(script, call)
        events: list[Payload] = []
        for number, each in enumerate(_annotations(script) if place >= 0 else ()):
            about = {"content_index": 0, "annotation_index": number, "annotation": each}
            events.append(_at(place, "output_text.annotation.added", f"msg_{call.rounds}", **about))
        if script.calls and place >= 0:
            events += _spoken(place, items[place])
        for at, item in enumerate(items):
            if item["type"] == "image_generation_call":
                events.append(_edge(at, {**item, "status": "in_progress", "result": None}, "added"))
                events.append(_edge(at, item, "done"))
        first = len(items) - len(script.calls)
        calls = [_calling(first + at, items[first + at], each, script) for at, each in enumerate(script.calls)]
        is_mixed = "interleaved" in script.oddities
        mixed = chain.from_iterable(zip_longest(*calls) if is_mixed else calls)
        return events + [event for event in mixed if event]

    def ending(self, script: Script, call: Call, count: int) -> list[Payload]:
        """The message ends, then the response."""
        place, items = _message_place(script, call), _items(script, call)
        closing = list(_spoken(place, items[place])) if place >= 0 and not script.calls else []
        status = _status(script)
        output = [] if "bare_end" in script.oddities else items
        return [*closing, {"type": f"response.{status}", "response": _response(script, call, status, output, count)}]

    def whole(self, script: Script, call: Call) -> Payload:
        """The answer to a request that does not stream."""
        count = len(script.deltas(call.prompt))
        return _response(script, call, _status(script), _items(script, call), count)

    def error(self, status: int, code: str, retry_after: str) -> Payload:
        code = code or CODES.get(status, "")
        kind = TYPES.get(status) or ("server_error" if status >= 500 else code or "invalid_request_error")
        return {"error": {"message": error_message(status, code), "type": kind, "param": None, "code": code or None}}

    def stream_error(self, script: Script, call: Call) -> Payload:
        """Say it in one of three ways."""
        error = {"code": script.error_code or "server_error", "message": error_message(500, script.error_code)}
        if "failed_event" in script.oddities:
            return {"type": "response.failed", "response": _response(script, call, "failed", [], 0) | {"error": error}}
        if "nested_error" in script.oddities:
            return {"type": "error", "error": {"type": "server_error", "param": None, **error}}
        return {"type": "error", "param": None, **error}


def _items(script: Script, call: Call) -> list[Payload]:
    """Write the output: thoughts, the message, the calls."""
    items: list[Payload] = []
    if script.reasoning:
        own_id, shown = f"rs_{call.rounds}", call.thoughts == "shown"
        parts = script.reasoning.split("\n\n") if shown else []
        is_open = "reasoning_text" in script.oddities
        item: Payload = {"id": own_id, "type": "reasoning", "summary": [] if is_open else _parts("summary_text", parts)}
        item |= {"content": _parts("reasoning_text", parts)} if is_open else {}
        items.append(item | ({"encrypted_content": signature(call.model, own_id)} if call.include_usage else {}))
    if text := "".join(script.deltas(call.prompt)) or script.refusal:
        refused: Payload = {"type": "refusal", "refusal": text}
        said = {"type": "output_text", "text": text, "annotations": _annotations(script), "logprobs": []}
        message = {"id": f"msg_{call.rounds}", "type": "message", "status": "completed", "role": "assistant"}
        phase = {"phase": "commentary" if script.calls else "final_answer"} if "phase" in script.oddities else {}
        items.append({**message, "content": [refused if script.refusal else said], **phase})
    picture = {"type": "image_generation_call", "status": "completed", "output_format": "png"}
    items += [{"id": f"ig_{call.rounds}_{at}", **picture, "result": data} for at, data in enumerate(script.pictures)]
    return items + [_call_item(call, number, each, script) for number, each in enumerate(script.calls)]


def _call_item(call: Call, number: int, scripted: ScriptedCall, script: Script) -> Payload:
    theirs = {} if "no_id" in script.oddities else {"call_id": scripted.id_at(call.rounds, number)}
    about = {"name": scripted.name, "arguments": scripted.arguments, "status": "completed"}
    return {"id": f"fc_{call.rounds}_{number}", "type": "function_call", **theirs, **about}


def _parts(kind: str, texts: list[str]) -> list[Payload]:
    return [{"type": kind, "text": text} for text in texts]


def _annotations(script: Script) -> list[Payload]:
    place = {"start_index": 0, "end_index": 0}
    return [{"type": "url_citation", "url": url, "title": title, **place} for url, title in script.sources]


def _message_place(script: Script, call: Call) -> int:
    return next((at for at, item in enumerate(_items(script, call)) if item["type"] == "message"), -1)


def _at(index: int, kind: str, item_id: str, **fields: Any) -> Payload:
    return {"type": f"response.{kind}", "item_id": item_id, "output_index": index, **fields}


def _edge(index: int, item: Payload, edge: str) -> Payload:
    return {"type": f"response.output_item.{edge}", "output_index": index, "item": item}


def _thinking(index: int, item: Payload) -> Iterator[Payload]:
    begun = {name: value for name, value in item.items() if name != "content"} | {"summary": []}
    yield _edge(index, begun | ({"encrypted_content": "cut"} if "encrypted_content" in item else {}), "added")
    for number, part in enumerate(item["summary"]):
        at = {"item_id": item["id"], "summary_index": number}
        yield _at(index, "reasoning_summary_part.added", part={**part, "text": ""}, **at)
        for piece in halves(part["text"]):
            yield _at(index, "reasoning_summary_text.delta", delta=piece, **at)
        yield _at(index, "reasoning_summary_text.done", text=part["text"], **at)
        yield _at(index, "reasoning_summary_part.done", part=part, **at)
    for number, part in enumerate(item.get("content", ())):
        at = {"item_id": item["id"], "content_index": number}
        for piece in halves(part["text"]):
            yield _at(index, "reasoning_text.delta", delta=piece, **at)
        yield _at(index, "reasoning_text.done", text=part["text"], **at)
    yield _edge(index, item, "done")


def _speaking(index: int, item: Payload) -> Iterator[Payload]:
    part = item["content"][0]
    empty = {**part, **({"refusal": ""} if "refusal" in part else {"text": "", "annotations": []})}
    yield _edge(index, {**item, "status": "in_progress", "content": []}, "added")
    yield _at(index, "content_part.added", item["id"], content_index=0, part=empty)
    for piece in halves(part.get("refusal", "")):
        yield _at(index, "refusal.delta", item["id"], content_index=0, delta=piece)


def _spoken(index: int, item: Payload) -> Iterator[Payload]:
    part = item["content"][0]
    if "refusal" in part:
        yield _at(index, "refusal.done", item["id"], content_index=0, refusal=part["refusal"])
    else:
        yield _at(index, "output_text.done", item["id"], content_index=0, text=part["text"], logprobs=[])
    yield _at(index, "content_part.done", item["id"], content_index=0, part=part)
    yield _edge(index, item, "done")


def _calling(index: int, item: Payload, scripted: ScriptedCall, script: Script) -> Iterator[Payload]:
    yield _edge(index, {**item, "arguments": "", "status": "in_progress"}, "added")
    for piece in cut(scripted.arguments, script.chunk or len(scripted.arguments) or 1):
        yield _at(index, "function_call_arguments.delta", item["id"], delta=piece)
    about = {"arguments": scripted.arguments, "name": scripted.name}
    yield _at(index, "function_call_arguments.done", item["id"], **about)
    yield _edge(index, item, "done")


def _status(script: Script) -> str:
    return "completed" if script.finish in ("stop", "tool_calls") else "incomplete"


def _response(script: Script, call: Call, status: str, output: list[Payload], count: int) -> Payload:
    is_over = status in ("completed", "incomplete")
    reason = INCOMPLETE.get(script.finish, script.finish)
    return {
        "id": "resp_fake",
        "object": "response",
        "created_at": 1_790_000_000,
        "model": call.model,
        "status": status,
        "output": output,
        "usage": _usage(call, count) | script.odd_usage if is_over else None,
        "error": None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": False,
        "tool_choice": "auto",
        "tools": [],
    }


def _usage(call: Call, count: int) -> Payload:
    given = {"input_tokens": call.prompt_tokens, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0}}
    total = {"output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": call.prompt_tokens + count}
    return {**given, "output_tokens": count, **total}
