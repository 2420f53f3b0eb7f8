"""What OpenAI-compatible servers want to see again in the messages of a tool round."""

from typing import Any

from common.text import repaired
from llm.client.adapters.fields import objects, opaque, text_or_nothing
from llm.client.adapters.tool_calls import CallLimits

FIELDS = frozenset({"reasoning_content", "reasoning", "reasoning_details", "extra_content"})
GROWING = ("text", "summary")  # of an item of `reasoning_details`


class MessageState:
    """Collects the fields of one message: DeepSeek's, vLLM's, OpenRouter's, Google's."""

    def __init__(self, provider: str) -> None:
        self._limits = CallLimits(provider)
        self._thoughts: dict[str, list[str]] = {}
        self._details: list[dict[str, Any]] = []
        self._extra: Any = None

    def note(self, delta: dict[str, Any]) -> None:
        """Keep what a delta holds of them."""
        for name in ("reasoning_content", "reasoning"):
            if name in delta:
                self._thoughts.setdefault(name, []).append(text_or_nothing(delta[name]))
        for detail in objects(delta.get("reasoning_details")):
            self._add(detail)
        self._extra = delta.get("extra_content") or self._extra

    def value(self) -> dict[str, Any]:
        """Return the fields as they go back; the richest form of the reasoning is enough."""
        extra = {"extra_content": self._extra} if opaque(self._extra) else {}
        if self._details and opaque(self._details):
            return {"reasoning_details": self._details, **extra}
        thoughts = {name: repaired("".join(pieces)) for name, pieces in self._thoughts.items()}
        if "reasoning_content" in thoughts:  # which DeepSeek wants even if it is empty
            return {"reasoning_content": thoughts["reasoning_content"], **extra}
        return {name: text for name, text in thoughts.items() if text} | extra

    def _add(self, detail: dict[str, Any]) -> None:
        """Join what arrives in pieces: all of one kind and index that follow each other."""
        for value in detail.values():
            self._limits.count_text(value if isinstance(value, str) else "")
        last = self._details[-1] if self._details else {}
        kind = detail.get("type")
        if kind == "reasoning.encrypted" or (kind, detail.get("index")) != (last.get("type"), last.get("index")):
            self._details.append(dict(detail))
            return
        for name, value in detail.items():
            if value is not None:
                grows = name in GROWING and isinstance(value, str)
                last[name] = text_or_nothing(last.get(name)) + value if grows else value
