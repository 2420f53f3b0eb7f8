"""Tool calls and sources that a script wants said."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A call as the model is to write it; `arguments` need not be JSON."""

    name: str
    arguments: str = "{}"
    id: str = ""

    def id_at(self, rounds: int, number: int) -> str:
        """Return the id, another one in each round where the script names none."""
        return self.id or f"call_{rounds}_{number}"

    def as_object(self) -> dict[str, Any] | None:
        """Read the arguments; None if they are none."""
        try:
            value = json.loads(self.arguments)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None


def calls_of(given: Iterable[Mapping[str, Any]]) -> tuple[ScriptedCall, ...]:
    """Read `calls`: arguments as an object or as raw text."""
    return tuple(ScriptedCall(**{**each, "arguments": _text(each.get("arguments", {}))}) for each in given)


def sources_of(given: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    """Read `sources`: addresses alone or with titles."""
    return tuple((each, "") if isinstance(each, str) else (each["url"], each.get("title", "")) for each in given)


def _text(arguments: Any) -> str:
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
