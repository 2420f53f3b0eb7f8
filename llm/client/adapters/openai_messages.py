"""A prompt as OpenAI's chat completions take it."""

from collections.abc import Iterator
from typing import Any

from llm.client.adapters.rounds import Round, is_own, rounds
from llm.client.adapters.tool_calls import object_text, sendable_name
from llm.client.types import (
    Prompt,
    PromptMessage,
    ProviderMetadata,
    Reasoning,
    RequestedCall,
    Text,
    ToolDeclaration,
    ToolResult,
)


def messages_of(prompt: Prompt, provider: str) -> list[dict[str, Any]]:
    """Write every message; a reply with tools becomes several."""
    messages = [each for message in prompt.messages for each in _expanded(message, provider, prompt.model)]
    if prompt.system:
        messages.insert(0, {"role": "system", "content": prompt.system})
    return messages


def openai_tool(tool: ToolDeclaration) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _expanded(message: PromptMessage, provider: str, model: str) -> Iterator[dict[str, Any]]:
    if not message.parts:
        yield {"role": message.role, "content": message.text}
        return
    for step in rounds(message.parts):
        said = _said(step, message.role, provider, model)
        if said["content"] or "tool_calls" in said:
            yield said
        yield from map(_answered, step.results)


def _said(step: Round, role: str, provider: str, model: str) -> dict[str, Any]:
    """Write one message; a provider's state goes back to where it stood, all other reasoning stays here."""
    message: dict[str, Any] = {"role": role, "content": None}
    calls: list[dict[str, Any]] = []
    place = message
    for part in step.said:
        match part:
            case ProviderMetadata() if is_own(part, provider, model):
                place.update(part.value)
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
    return {"id": call.id, "type": "function", "function": function}


def _answered(result: ToolResult) -> dict[str, Any]:
    """Say in the text that a tool failed; there is no field for it."""
    content = f"Error: {result.output}" if result.is_error else result.output
    return {"role": "tool", "tool_call_id": result.call, "content": content}
