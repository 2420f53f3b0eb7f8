"""A reply of several steps, as vendors take it: what the model said, what its tools answered, and so on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from llm.client.types import PromptPart, ProviderMetadata, ToolResult


@dataclass(slots=True)
class Round:
    """One step: all that a model said in it, then what became of its calls."""

    said: list[PromptPart] = field(default_factory=list)
    results: list[ToolResult] = field(default_factory=list)


def rounds(parts: Iterable[PromptPart]) -> Iterator[Round]:
    """Cut parts into steps; whatever comes after a result begins the next one."""
    current = Round()
    for part in parts:
        if isinstance(part, ToolResult):
            current.results.append(part)
            continue
        if current.results:
            yield current
            current = Round()
        current.said.append(part)
    yield current


def is_own(metadata: ProviderMetadata, provider: str, model: str) -> bool:
    """Tell whether a provider's state may go back; another model would refuse it."""
    return (metadata.provider, metadata.model) == (provider, model)
