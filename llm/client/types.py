"""What goes into a provider and what comes out of it."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Role = Literal["user", "assistant"]
Dialect = Literal["openai_chat", "openai_responses", "anthropic", "gemini", "demo"]
FinishReason = Literal["stop", "length", "content_filter", "refusal", "tool_calls", "other"]


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    text: str


@dataclass(frozen=True, slots=True)
class RequestedCall:
    """A model asks for a tool: `arguments` is the JSON text that it wrote, broken or not; `id` names the call."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What became of a call, as the model is told it."""

    call: str  # the call's id
    name: str
    output: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """State that only a provider understands (signatures, encrypted reasoning); belongs to the part before it.

    `value` is JSON that goes back unchanged, and only to the provider and the model that sent it.
    """

    provider: str
    model: str
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CitedSource:
    """Where a model says that it has something from; never sent back."""

    url: str
    title: str = ""


PromptPart = Text | Reasoning | RequestedCall | ToolResult | ProviderMetadata


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """What was said; a reply of several steps has `parts`, in order, and `text` is then all text among them.

    Every call among the parts has its result behind it, before the next text.
    """

    role: Role
    text: str
    parts: tuple[PromptPart, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolDeclaration:
    """A tool that a model may ask for; `parameters` is the JSON Schema of its arguments, an object's."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question with its context; the last message is the new one, or the reply that goes on after its tools.

    `params` may hold `max_tokens`, `temperature` and `top_p`; anything else is not sent.
    """

    model: str
    system: str
    messages: tuple[PromptMessage, ...]
    params: Mapping[str, int | float] = field(default_factory=dict)
    tools: tuple[ToolDeclaration, ...] = ()

    @property
    def size(self) -> int:
        """Characters of all its texts."""
        return len(self.system) + sum([message_size(message) for message in self.messages])


def message_size(message: PromptMessage) -> int:
    """Return the characters of a message, those of calls and results included."""
    others = [len(part.arguments) if isinstance(part, RequestedCall) else len(part.output) for part in message.parts
              if isinstance(part, RequestedCall | ToolResult)]  # fmt: skip
    return len(message.text) + sum(others)


@dataclass(slots=True)
class TextDelta:
    text: str


@dataclass(slots=True)
class ReasoningDelta:
    text: str


@dataclass(slots=True)
class ToolInputDelta:
    """Arguments as they are being written; the whole comes as a `RequestedCall` with the same id."""

    call: str
    name: str
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


SpokenEvent = TextDelta | ReasoningDelta | Finished  # what a caller without tools cares for
ProviderEvent = TextDelta | ReasoningDelta | ToolInputDelta | RequestedCall | ProviderMetadata | CitedSource | Finished


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a compatible server differs from the vendor whose dialect it speaks."""

    wants_reasoning_content: bool = False  # in every message with calls, though the thoughts be gone (DeepSeek)


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """Whom to ask, and in which dialect; an empty `base_url` is the vendor's own, an empty `key` is not sent."""

    name: str  # as in `provider/model`
    adapter: Dialect
    base_url: str = ""
    key: str = field(default="", repr=False)
    quirks: Quirks = Quirks()


class Adapter(Protocol):
    """Made of a `ProviderConfig`; turns a prompt into events that end with `Finished`, or raises `ProviderError`.

    Calls come whole and in order, each with an id of its own in this stream (made up where the provider has none),
    after their last `ToolInputDelta`; the reason of a reply with calls is `tool_calls`, whatever the provider says.
    """

    def stream(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent, None]: ...
