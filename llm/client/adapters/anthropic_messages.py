"""A prompt as Anthropic's Messages take it."""

from collections.abc import Iterator
from typing import Any

import orjson

from llm.client.adapters.files import file_text
from llm.client.adapters.rounds import Round, is_own, rounds
from llm.client.adapters.tool_calls import object_text, sendable_id, sendable_name
from llm.client.types import (
    File,
    Prompt,
    PromptMessage,
    ProviderMetadata,
    RequestedCall,
    Text,
    ToolDeclaration,
    ToolResult,
)

Block = dict[str, Any]


def anthropic_messages(prompt: Prompt, provider: str) -> list[dict[str, Any]]:
    """Write all messages; those of one role that follow each other are one, in which results come first."""
    messages: list[dict[str, Any]] = []
    for message in prompt.messages:
        for role, blocks in _expanded(message, provider, prompt.model):
            if messages and messages[-1]["role"] == role:
                messages[-1]["content"] += blocks
            elif blocks:
                messages.append({"role": role, "content": blocks})
    return [_shortened(each) for each in messages]


def anthropic_tool(tool: ToolDeclaration) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": {"type": "object", **tool.parameters}}


def _expanded(message: PromptMessage, provider: str, model: str) -> Iterator[tuple[str, list[Block]]]:
    if not message.parts:
        yield message.role, _text(message.text)
        return
    for step in rounds(message.parts):
        is_asked = message.role == "user"
        yield message.role, _asked(step) if is_asked else _said(step, provider, model)
        yield "user", [_answered(result) for result in step.results]


def _asked(step: Round) -> list[Block]:
    blocks: list[Block] = []
    for part in step.said:
        if isinstance(part, File):
            blocks.append(_file(part))
        elif isinstance(part, Text):
            blocks += _text(part.text)
    return blocks


def _said(step: Round, provider: str, model: str) -> list[Block]:
    """Write what was said; only what this model thought itself goes back, and unchanged."""
    blocks: list[Block] = []
    for part in step.said:
        match part:
            case Text(text):
                blocks += _text(text)
            case RequestedCall():
                blocks.append(_call(part))
            case ProviderMetadata() if is_own(part, provider, model):
                blocks.append(dict(part.value))
    return blocks


def _text(text: str) -> list[Block]:
    """Leave out what is refused for saying nothing."""
    return [{"type": "text", "text": text}] if text.strip() else []


def _file(file: File) -> Block:
    if file.is_image:
        return {"type": "image", "source": _source(file)}
    return {"type": "document", "source": _source(file), **({"title": file.name} if file.name else {})}


def _source(file: File) -> dict[str, Any]:
    if file.media_type.startswith("text/"):
        return {"type": "text", "media_type": "text/plain", "data": file_text(file)}
    return {"type": "base64", "media_type": file.media_type, "data": file.data}


def _call(call: RequestedCall) -> Block:
    arguments = orjson.Fragment(object_text(call.arguments))
    return {"type": "tool_use", "id": sendable_id(call.id), "name": sendable_name(call.name), "input": arguments}


def _answered(result: ToolResult) -> Block:
    answer = {"type": "tool_result", "tool_use_id": sendable_id(result.call), "content": result.output}
    return answer | ({"is_error": True} if result.is_error else {})


def _shortened(message: dict[str, Any]) -> dict[str, Any]:
    """Write a single text as text."""
    blocks = message["content"]
    is_text = len(blocks) == 1 and blocks[0]["type"] == "text"
    return message | ({"content": blocks[0]["text"]} if is_text else {})
