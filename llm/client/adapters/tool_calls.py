"""What all vendors' calls have in common: their bounds, and what of them goes back."""

import hashlib
import json
import re
from typing import Any
from uuid import uuid4

import orjson
from django.conf import settings

from llm.client.errors import ProviderBroken
from llm.client.types import ToolResult

MAX_CALLS = 128  # in one step
MAX_NAME, MAX_ID = 64, 200
USUAL_ID = re.compile(r"[\w.:-]{1,40}", re.ASCII).fullmatch  # OpenAI takes no longer ones
UNUSUAL = re.compile(r"[^A-Za-z0-9_-]")
SENDABLE_ID = re.compile(r"[A-Za-z0-9_-]{1,40}").fullmatch  # Anthropic takes nothing else


class CallLimits:
    """Bounds what a model may ask for in one step; the clocks of a turn bound the rest."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._length = 0
        self._ids: set[str] = set()

    @property
    def has_calls(self) -> bool:
        return bool(self._ids)

    def begin(self, given_id: str) -> str:
        """Count a call and return its id: made up where the provider has none, or one that others would not take."""
        # Nine letters and digits: Mistral takes nothing else.
        own = given_id if USUAL_ID(given_id) and given_id not in self._ids else uuid4().hex[:9]
        self._ids.add(own)
        if len(self._ids) > MAX_CALLS:
            raise ProviderBroken(self._provider, "too many tool calls")
        return own

    def count_text(self, text: str) -> None:
        self._length += len(text)
        if self._length > settings.MAX_REPLY_CHARS:
            raise ProviderBroken(self._provider, "tool calls too long")


def arguments_text(arguments: Any) -> str:
    """Write arguments that came as an object, or leave the text as it is."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))


def object_text(arguments: str) -> str:
    """Give arguments as they may go back: vendors refuse a request whose own model once wrote broken JSON.

    Valid text stays as it was written, for every character of it is in the model's cache.
    """
    try:
        is_object = isinstance(orjson.loads(arguments), dict)
    except orjson.JSONDecodeError:
        is_object = False
    return arguments if is_object else arguments_text({"not_valid_json": arguments})


def sendable_name(name: str) -> str:
    """Give what every vendor takes as a name; models may ask for tools with impossible ones."""
    return UNUSUAL.sub("_", name)[:MAX_NAME] or "unknown"


def sendable_id(id_: str) -> str:
    """Give what every vendor takes as a call's id, the same for the same: a history may have any."""
    return id_ if SENDABLE_ID(id_) else hashlib.sha256(id_.encode("utf-8", "surrogatepass")).hexdigest()[:9]


def said_output(result: ToolResult) -> str:
    """Say in the text that a tool failed, where there is no field for it."""
    return f"Error: {result.output}" if result.is_error else result.output
