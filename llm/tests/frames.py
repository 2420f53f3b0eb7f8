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


def reply(vendor: str, finish: Any = "stop", **last: Any) -> str:
    """Write a whole reply, "Whole answer.", whose last chunk has more to say."""
    if vendor == "gemini":
        return gemini([{"text": "Whole "}]) + gemini([{"text": "answer."}], finish, **last)
    return openai({"content": "Whole "}) + openai({"content": "answer."}) + openai({}, finish, **last) + DONE
