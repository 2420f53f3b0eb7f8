"""What one turn goes by: its request over its chat over the server's defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

# As a `Prompt` calls them.
PARAMS = {
    "max_output": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "effort": "effort",
    "response_format": "response_format",
}


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """The settings that count; `params` are a `Prompt`'s."""

    system: str
    context_turns: int
    params: Mapping[str, Any]
    tools: tuple[str, ...] | None  # names; None is the server's default
    fallback: bool = True  # whether another model may answer where the one asked for cannot
    max_context_tokens: int = 0  # of a whole prompt, as estimated; 0 is no bound


def settings_of(*layers: Mapping[str, Any]) -> TurnSettings:
    """Lay settings over the server's defaults, later ones over earlier ones; null is the default."""
    said = {name: value for layer in layers for name, value in layer.items()}
    given = {name: value for name, value in said.items() if value is not None}
    return TurnSettings(
        system=given.get("system", settings.SYSTEM_PROMPT),
        context_turns=given.get("context_turns", settings.CONTEXT_TURNS),
        params={PARAMS[name]: given[name] for name in PARAMS if name in given},
        tools=tuple(given["tools"]) if "tools" in given else None,
        fallback=given.get("fallback", True),
        max_context_tokens=given.get("max_context_tokens", settings.MAX_CONTEXT_TOKENS),
    )
