"""A prompt as OpenAI's chat completions take it."""

from collections.abc import Iterator
from typing import Any

from llm.client.adapters.files import asked_content, file_url
from llm.client.adapters.openai_state import FIELDS
from llm.client.adapters.rounds import Round, is_own, rounds
from llm.client.adapters.tool_calls import object_text, said_output, sendable_id, sendable_name
from llm.client.types import (
    File,
    Prompt,
    PromptMessage,
    ProviderMetadata,
    Reasoning,
    RequestedCall,
    Text,
    ToolDeclaration,
    ToolResult,
)


def openai_messages(prompt: Prompt, provider: str) -> list[dict[str, Any]]:
    """Write every message; a reply with tools becomes several."""
    messages = [each for message in prompt.messages for each in _expanded(message, provider, prompt.model)]
    if prompt.system:
        messages.insert(0, {"role": "system", "content": prompt.system})
    return messages


def openai_tool(tool: ToolDeclaration) -> dict[str, Any]:
    function: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _expanded(message: PromptMessage, provider: str, model: str) -> Iterator[dict[str, Any]]:
    if not message.parts:
        yield {"role": message.role, "content": message.text}
        return
    for step in rounds(message.parts):
        if message.role == "user":
            yield {"role": "user", "content": asked_content(step.said, _content)}
            continue
        said = _said(step, provider, model)
        if said["content"] or "tool_calls" in said:
            yield said
        yield from map(_answered, step.results)


def _content(part: Text | File) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if part.is_image:
        detail = {"detail": part.detail} if part.detail else {}
        return {"type": "image_url", "image_url": {"url": file_url(part), **detail}}
    return {"type": "file", "file": {"filename": part.name or "file", "file_data": file_url(part)}}


def _said(step: Round, provider: str, model: str) -> dict[str, Any]:
    """Write one message; a provider's state goes back to where it stood, all other reasoning stays here.

    The same provider may have spoken another dialect when a reply began; of that its state says nothing here.
    """
    message: dict[str, Any] = {"role": "assistant", "content": None}
    calls: list[dict[str, Any]] = []
    place = message
    for part in step.said:
        match part:
            case ProviderMetadata(value=value) if is_own(part, provider, model) and value.keys() <= FIELDS:
                place.update(value)
            case RequestedCall():
                calls.append(place := _call(part))
            case Text(text):
                message["content"] = (message["content"] or "") + text
                place = message
            case Reasoning():
                place = message
    return message | ({"tool_calls": calls} if calls else {})


def _call(call: RequestedCall) -> dict[str, Any]:
    function = {"name": sendable_name(call.name), "arguments": object_text(call.arguments)}
    return {"id": sendable_id(call.id), "type": "function", "function": function}


def _answered(result: ToolResult) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": sendable_id(result.call), "content": said_output(result)}
