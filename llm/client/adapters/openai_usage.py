"""Tokens as OpenAI counts them, by other names in each of its two dialects."""

from typing import Any

from llm.client.adapters.fields import count, members
from llm.client.types import Usage


def openai_usage(usage: dict[str, Any], given: str, said: str) -> Usage | None:
    """Read a count; `given` and `said` are the names for what a model reads and what it writes."""
    prompt, completion = count(usage.get(f"{given}_tokens")), count(usage.get(f"{said}_tokens"))
    if prompt is None and completion is None:
        return None
    cached = count(members(usage.get(f"{given}_tokens_details")).get("cached_tokens"))
    reasoning = count(members(usage.get(f"{said}_tokens_details")).get("reasoning_tokens"))
    return Usage(prompt or 0, completion or 0, cached or 0, reasoning or 0)
