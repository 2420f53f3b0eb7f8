"""What goes into a provider and what comes out of it."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Role = Literal["user", "assistant"]
FinishReason = Literal["stop", "length", "content_filter", "refusal", "tool_calls", "other"]


@dataclass(frozen=True, slots=True)
class PromptMessage:
    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question with its context; the last message is the new one.

    `params` may hold `max_tokens`, `temperature` and `top_p`; anything else is not sent.
    """

    model: str
    system: str
    messages: tuple[PromptMessage, ...]
    params: Mapping[str, int | float] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Characters of all its texts."""
        return len(self.system) + sum([len(message.text) for message in self.messages])


@dataclass(slots=True)
class TextDelta:
    text: str


@dataclass(slots=True)
class ReasoningDelta:
    text: str


@dataclass(slots=True)
class Usage:
    """Tokens as the provider counted them; `completion` includes reasoning."""

    prompt: int
    completion: int


@dataclass(slots=True)
class Finished:
    """The provider said that it had finished; `model` is the one that says it answered."""

    reason: FinishReason
    model: str
    usage: Usage | None


ProviderEvent = TextDelta | ReasoningDelta | Finished


class Adapter(Protocol):
    """Turns one prompt into a stream of events that ends with `Finished`, or raises `ProviderError`."""

    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]: ...
