"""What a model can do, and what of a request it cannot."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llm.client.types import Dialect, File


@dataclass(frozen=True, slots=True)
class Abilities:
    """What is known of a model; None is not known, and then whatever is asked for is passed on."""

    tools: bool | None = None
    images: bool | None = None
    files: bool | None = None
    structured_output: bool | None = None
    sampling: bool | None = None  # temperature, top_p
    efforts: tuple[str, ...] | None = None  # empty: it does not reason
    context_tokens: int | None = None
    max_output_tokens: int | None = None


UNKNOWN = Abilities()

_EVERYWHERE = frozenset({"max_tokens", "temperature", "top_p", "effort", "response_format"})
_PENALTIES = frozenset({"presence_penalty", "frequency_penalty"})
# The parameters of a prompt that there is a word for; whatever else is asked for would be lost in silence.
SAYABLE: Mapping[Dialect, frozenset[str]] = {
    "openai_chat": _EVERYWHERE | _PENALTIES | {"tool_choice", "parallel_tool_calls", "stop", "seed", "logprobs",
                                               "top_logprobs", "logit_bias", "n"},
    "openai_responses": _EVERYWHERE | {"tool_choice", "parallel_tool_calls"},
    "anthropic": _EVERYWHERE | {"tool_choice", "parallel_tool_calls", "stop"},
    "gemini": _EVERYWHERE | _PENALTIES | {"tool_choice", "stop", "seed"},
    "demo": _EVERYWHERE | _PENALTIES | {"seed", "parallel_tool_calls"},
}  # fmt: skip


def unsupported(
    dialect: Dialect,
    abilities: Abilities,
    params: Mapping[str, Any],
    tools: bool = False,
    files: Iterable[File] = (),
) -> list[str]:
    """Return what of a request a model cannot do: names of a `Prompt`'s params, `tools`, `images` and `files`."""
    found = [name for name in params if name not in SAYABLE[dialect] or _is_beyond(abilities, name, params[name])]
    if tools and abilities.tools is False:
        found.append("tools")
    return [*found, *dict.fromkeys(_unreadable(abilities, files))]


def _is_beyond(abilities: Abilities, name: str, value: Any) -> bool:
    match name:
        case "effort":
            return abilities.efforts is not None and value not in abilities.efforts
        case "temperature" | "top_p":
            return abilities.sampling is False
        case "response_format":
            return abilities.structured_output is False
        case "max_tokens":
            return abilities.max_output_tokens is not None and value > abilities.max_output_tokens
    return False


def _unreadable(abilities: Abilities, files: Iterable[File]) -> Iterator[str]:
    for file in files:
        kind, can = ("images", abilities.images) if file.is_image else ("files", abilities.files)
        if can is False:
            yield kind
