"""A prompt as Gemini takes it."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from llm.client.adapters.rounds import Round, is_own, rounds
from llm.client.adapters.tool_calls import object_text, sendable_id, sendable_name
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

Part = dict[str, Any]
ROLES = {"user": "user", "assistant": "model"}
SIGNATURE = "thoughtSignature"
# Google's word for calls that another model made; without any signature a running turn is refused.
FOREIGN = "skip_thought_signature_validator"
UNSIGNED = ("gemini-1", "gemini-2")  # models that sign nothing and ask for nothing


def contents_of(prompt: Prompt, provider: str) -> list[dict[str, Any]]:
    """Write every message; a reply with tools becomes several, in turns."""
    last = len(prompt.messages) - 1
    return [
        content
        for number, message in enumerate(prompt.messages)
        for content in _expanded(message, provider, prompt.model, number == last)
    ]


def gemini_tool(tool: ToolDeclaration) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parametersJsonSchema": dict(tool.parameters)}


def _expanded(message: PromptMessage, provider: str, model: str, is_running: bool) -> Iterator[dict[str, Any]]:
    if not message.parts:
        yield {"role": ROLES[message.role], "parts": [{"text": message.text}]}
        return
    for step in rounds(message.parts):
        if said := _said(step, provider, model):
            if is_running and not model.startswith(UNSIGNED):
                _sign(said)
            yield {"role": ROLES[message.role], "parts": said}
        if step.results:
            yield {"role": "user", "parts": [_answered(result) for result in step.results]}


def _said(step: Round, provider: str, model: str) -> list[Part]:
    """Write what a model said; of its thoughts only those that are signed."""
    parts: list[Part] = []
    for part in step.said:
        match part:
            case Text(text):
                parts.append({"text": text})
            case File():
                parts.append(_file(part))
            case Reasoning(text):
                parts.append({"text": text, "thought": True})
            case RequestedCall():
                parts.append({"functionCall": _call(part)})
            case ProviderMetadata() if is_own(part, provider, model):
                _give_back(parts, part.value)
    return [part for part in parts if SIGNATURE in part or "thought" not in part]


def _give_back(parts: list[Part], value: Mapping[str, Any]) -> None:
    """Put a signature to its part again, which may have had no text and then was nothing but the signature."""
    if "text" in value or not parts:
        parts.append({"text": "", **value})
    else:
        parts[-1].update(value)


def _sign(parts: list[Part]) -> None:
    first = next((part for part in parts if "functionCall" in part), None)
    if first is not None and not any(SIGNATURE in part for part in parts):
        first[SIGNATURE] = FOREIGN


def _file(file: File) -> Part:
    return {"inlineData": {"mimeType": file.media_type, "data": file.data}}


def _call(call: RequestedCall) -> dict[str, Any]:
    arguments = orjson.Fragment(object_text(call.arguments))
    return {"id": sendable_id(call.id), "name": sendable_name(call.name), "args": arguments}


def _answered(result: ToolResult) -> Part:
    response = {"error" if result.is_error else "output": result.output}
    name = sendable_name(result.name)
    return {"functionResponse": {"id": sendable_id(result.call), "name": name, "response": response}}
