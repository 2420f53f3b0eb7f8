"""Streams written out by hand, for what no vendor should send."""

import json
from typing import Any

DONE = "data: [DONE]\n\n"


def event(value: Any) -> str:
    return f"data: {json.dumps(value)}\n\n"


def openai(delta: Any = None, finish: Any = None, **chunk: Any) -> str:
    """Write a chunk with one choice."""
    return event({"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **chunk})


def gemini(parts: Any = None, finish: Any = None, **chunk: Any) -> str:
    """Write a chunk with one candidate."""
    candidate = {"content": {"parts": parts, "role": "model"}, "index": 0, "finishReason": finish}
    return event({"candidates": [candidate], "modelVersion": "m", **chunk})


def anthropic(text: str) -> str:
    """Write a piece of the first block."""
    return event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


def responses(text: str) -> str:
    """Write a piece of the first item."""
    return event({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text})


def reply(vendor: str, finish: Any = "stop", **last: Any) -> str:
    """Write a whole reply, "Whole answer.", whose last chunk has more to say."""
    if vendor == "gemini":
        return gemini([{"text": "Whole "}]) + gemini([{"text": "answer."}], finish, **last)
    if vendor == "anthropic":
        end = {"type": "message_delta", "delta": {"stop_reason": finish}, **last}
        return anthropic("Whole ") + anthropic("answer.") + event(end)
    if vendor == "responses":
        response = {"model": "m", "incomplete_details": {"reason": finish}, **last}
        end = {"type": f"response.{'completed' if finish == 'stop' else 'incomplete'}", "response": response}
        return responses("Whole ") + responses("answer.") + event(end)
    return openai({"content": "Whole "}) + openai({"content": "answer."}) + openai({}, finish, **last) + DONE
