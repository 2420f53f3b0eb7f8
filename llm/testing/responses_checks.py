"""What OpenAI refuses of Responses."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from llm.testing.dialect import Payload, ReceivedFile, Rejected, check_known, check_name, received, signature

KNOWN = frozenset({
    "model", "input", "instructions", "stream", "store", "include", "reasoning", "tools", "tool_choice",
    "parallel_tool_calls", "text", "max_output_tokens", "temperature", "top_p", "top_logprobs", "metadata", "user",
    "safety_identifier", "prompt_cache_key", "truncation", "service_tier", "previous_response_id", "stream_options",
    "background", "conversation", "max_tool_calls",
})  # fmt: skip
EFFORTS = {"none", "minimal", "low", "medium", "high", "xhigh", "max"}
CONTENT = {"user": {"input_text", "input_image", "input_file"}, "assistant": {"output_text", "refusal"}}
reasons = re.compile(r"(?:openai/)?(?:gpt-[56](?!-chat)|o\d)").match


def item_text(item: Payload) -> str:
    content = item.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def files_of(items: Iterable[Payload]) -> Iterator[ReceivedFile]:
    """Read the images and documents."""
    for item in items:
        for part in item["content"] if isinstance(item.get("content"), list) else ():
            if part["type"] == "input_image":
                yield received("image/*", url=part["image_url"])
            elif part["type"] == "input_file":
                yield received("", url=part.get("file_url") or part["file_data"])


def check_params(body: Payload) -> None:
    """Refuse unknown fields, what a model has not, and tools that are none."""
    check_known(body, KNOWN)
    wanted, form = body.get("reasoning"), body.get("text", {}).get("format", {"type": "text"})
    if not reasons(body["model"]) and (wanted or "reasoning.encrypted_content" in body.get("include", ())):
        raise Rejected("reasoning_not_supported")
    if wanted and wanted.get("effort", "low") not in EFFORTS:
        raise Rejected("bad_effort")
    if form["type"] == "json_schema" and not {"name", "schema"} <= form.keys():
        raise Rejected("bad_format")
    for tool in body.get("tools") or ():
        check_name(tool["name"])
        if tool["type"] != "function" or not isinstance(tool.get("parameters", {}), dict):
            raise Rejected("bad_tool")
    if not body.get("tools") and body.keys() & {"tool_choice", "parallel_tool_calls"}:
        raise Rejected("tool_choice_without_tools")


def check_input(items: list[Payload], model: str) -> None:
    """Refuse thoughts that were changed or lead to nothing, and calls and results that do not belong together."""
    for item, following in pairwise([*items, {"role": "user"}]):
        if item.get("type") == "reasoning":
            if following.get("role") == "user" or following.get("type") == "function_call_output":
                raise Rejected("reasoning_without_following_item")
            if item.get("encrypted_content", "") != signature(model, item["id"]):
                raise Rejected("invalid_encrypted_content")
        elif "role" in item and not isinstance(item["content"], str):
            kinds = {part["type"] for part in item["content"]}
            if not kinds <= CONTENT[item["role"]]:
                raise Rejected(f"bad_content.{min(kinds)}")
    _check_calls(items)


def _check_calls(items: list[Payload]) -> None:
    waiting: list[str] = []
    for item in items:
        if item.get("type") == "function_call":
            check_name(item["name"])
            if not isinstance(item["arguments"], str) or not 0 < len(item["call_id"]) <= 64:
                raise Rejected("bad_function_call")
            waiting.append(item["call_id"])
        elif item.get("type") == "function_call_output":
            if item["call_id"] not in waiting:
                raise Rejected("orphan_function_call_output")
            waiting.remove(item["call_id"])
    if waiting:
        raise Rejected("missing_function_call_output")
