"""What Anthropic refuses."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from llm.testing.dialect import Payload, ReceivedFile, Rejected, check_known, check_name, received, signature
from llm.testing.script import Script

KNOWN = frozenset({
    "model", "messages", "max_tokens", "stream", "system", "tools", "tool_choice", "thinking", "output_config",
    "temperature", "top_p", "top_k", "stop_sequences", "metadata", "cache_control", "service_tier", "container",
    "inference_geo",
})  # fmt: skip
EFFORTS = {"low", "medium", "high", "xhigh", "max"}
IMAGES = {"image/jpeg", "image/png", "image/gif", "image/webp"}
SAMPLING = ("temperature", "top_p", "top_k")


def blocks_of(message: Payload) -> list[Any]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def texts_of(message: Payload) -> list[str]:
    return [block["text"] for block in blocks_of(message) if block["type"] == "text"]


def files_of(messages: Iterable[Payload]) -> Iterator[ReceivedFile]:
    """Read the images and documents."""
    for block in (block for message in messages for block in blocks_of(message)):
        if block["type"] in ("image", "document"):
            source = block["source"]
            if block["type"] == "image" and source["type"] == "base64" and source["media_type"] not in IMAGES:
                raise Rejected("bad_media_type")
            if source["type"] == "text":
                yield ReceivedFile(source["media_type"], len(source["data"].encode()))
            else:
                yield received(source.get("media_type", ""), source.get("data", ""), source.get("url", ""))


def check_params(body: Payload, headers: Mapping[str, str]) -> None:
    """Refuse what does not go together in one request."""
    check_known(body, KNOWN)
    version, thinking = headers.get("anthropic-version"), body.get("thinking") or {"type": "disabled"}
    thinks = thinking["type"] != "disabled"
    refused = {
        "missing_version": not version,
        "bad_max_tokens": type(body["max_tokens"]) is not int or body["max_tokens"] < 1,
        "sampling_not_supported": version == "2026-10-21" and any(name in body for name in SAMPLING),
        "sampling_with_thinking": thinks and any(name in body for name in SAMPLING),
        "bad_temperature": not 0 <= body.get("temperature", 1) <= 1,
        "bad_effort": body.get("output_config", {}).get("effort", "low") not in EFFORTS,
        "bad_budget": thinking["type"] == "enabled" and not 1024 <= thinking["budget_tokens"] < body["max_tokens"],
        "bad_format": body.get("output_config", {}).get("format", {"type": "json_schema"})["type"] != "json_schema",
        "empty_system": body.get("system") == "",
    }
    choice = body.get("tool_choice", {"type": "auto"})["type"]
    refused["forced_call_with_thinking"] = thinks and choice in ("any", "tool")
    refused["tool_choice_without_tools"] = "tool_choice" in body and not body.get("tools")
    if reason := next((name for name, is_wrong in refused.items() if is_wrong), None):
        raise Rejected(reason)


def check_messages(body: Payload, script: Script) -> None:
    """Refuse what is no tool or no message, and calls and results that do not belong together."""
    for tool in body.get("tools") or ():
        check_name(tool["name"])
        if tool["input_schema"].get("type") != "object":
            raise Rejected("bad_input_schema")
    messages = body["messages"]
    if not messages or messages[0]["role"] != "user":
        raise Rejected("first_message_must_be_user")
    if messages[-1]["role"] == "assistant" and script.pause_after is None:
        raise Rejected("prefill_not_supported")
    for before, after in pairwise([{"role": "user", "content": []}, *messages, {"role": "user", "content": []}]):
        _check_round(before, after)
    for message in messages:
        _check_blocks(message, body["model"])


def _check_round(before: Payload, after: Payload) -> None:
    """All results of a round come first in the one next message."""
    calls = [block for block in blocks_of(before) if block["type"] == "tool_use"]
    results = [block["type"] == "tool_result" for block in blocks_of(after)]
    answered = [block["tool_use_id"] for block in blocks_of(after) if block["type"] == "tool_result"]
    if sorted(answered) != sorted(call["id"] for call in calls):
        raise Rejected("missing_tool_result" if len(answered) < len(calls) else "orphan_tool_result")
    if results != sorted(results, reverse=True):
        raise Rejected("tool_result_not_first")
    for call in calls:
        check_name(call["name"])
        check_name(call["id"])
        if not isinstance(call["input"], dict):
            raise Rejected("bad_tool_input")


def _check_blocks(message: Payload, model: str) -> None:
    blocks = blocks_of(message)
    if not blocks or any(not text.strip() for text in texts_of(message)):
        raise Rejected("empty_content")
    for block in blocks:
        if block["type"] == "thinking" and block["signature"] != signature(model, block["thinking"]):
            raise Rejected("invalid_thinking_signature")
        if block["type"] == "redacted_thinking" and block["data"] != signature(model, "redacted"):
            raise Rejected("invalid_redacted_thinking")
        if message["role"] == "assistant" and block["type"] in ("image", "document", "tool_result"):
            raise Rejected("bad_assistant_content")
    if message["role"] == "assistant" and blocks[-1]["type"] == "thinking":
        raise Rejected("thinking_last")
