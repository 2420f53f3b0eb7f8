"""A prompt as OpenAI's Responses take it: items, one after the other."""

from collections.abc import Iterator, Mapping
from typing import Any

from llm.client.adapters.files import asked_content, file_url
from llm.client.adapters.rounds import Round, is_own, rounds
from llm.client.adapters.tool_calls import object_text, said_output, sendable_id, sendable_name
from llm.client.types import (
    File,
    Prompt,
    PromptMessage,
    ProviderMetadata,
    RequestedCall,
    Text,
    ToolDeclaration,
)

Item = dict[str, Any]


def items_of(prompt: Prompt, provider: str) -> list[Item]:
    """Write every message; a reply with tools becomes several items."""
    return [item for message in prompt.messages for item in _expanded(message, provider, prompt.model)]


def function_tool(tool: ToolDeclaration) -> dict[str, Any]:
    about = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", **about, "strict": bool(tool.strict)}  # which wants every property to be required


def _expanded(message: PromptMessage, provider: str, model: str) -> Iterator[Item]:
    if not message.parts:
        yield {"role": message.role, "content": message.text}
        return
    for step in rounds(message.parts):
        if message.role == "user":
            yield {"role": "user", "content": asked_content(step.said, _input)}
            continue
        said, ids = _said(step, provider, model)
        yield from said
        for result in step.results:
            call = sendable_id(result.call)
            yield {"type": "function_call_output", "call_id": ids.get(call, call), "output": said_output(result)}


def _input(part: Text | File) -> Item:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if part.is_image:
        return {"type": "input_image", "image_url": file_url(part), "detail": part.detail or "auto"}
    return {"type": "input_file", "filename": part.name or "file", "file_data": file_url(part)}


def _said(step: Round, provider: str, model: str) -> tuple[list[Item], dict[str, str]]:
    """Write what a model said, and how it calls its calls; its own items go back as they came."""
    items: list[Item] = []
    ids: dict[str, str] = {}
    for part in step.said:
        match part:
            case Text(text) if text:
                items.append({"role": "assistant", "content": text})
            case RequestedCall():
                items.append(_call(part))
            case ProviderMetadata() if is_own(part, provider, model):
                _give_back(items, ids, part.value)
    while items and items[-1].get("type") == "reasoning":  # refused without the item that it led to
        items.pop()
    return items, ids


def _give_back(items: list[Item], ids: dict[str, str], value: Mapping[str, Any]) -> None:
    """Put an item to where it stood: a call in its own place, a phase on its message."""
    last = items[-1] if items else {}
    if value.get("type") == "reasoning":
        items.append(dict(value))
    elif value.get("type") == last.get("type") == "function_call":
        theirs = ids[last["call_id"]] = value.get("call_id") or last["call_id"]
        items[-1] = {**value, "call_id": theirs}
    elif last.get("role") == "assistant" and "phase" in value:
        last["phase"] = value["phase"]


def _call(call: RequestedCall) -> Item:
    return {
        "type": "function_call",
        "call_id": sendable_id(call.id),
        "name": sendable_name(call.name),
        "arguments": object_text(call.arguments),
    }
