"""What goes into a provider and what comes out of it."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Role = Literal["user", "assistant"]
Dialect = Literal["openai_chat", "openai_responses", "anthropic", "gemini", "demo"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
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


@dataclass(frozen=True, slots=True)
class File:
    """An image or a document: its bytes as base64 text."""

    media_type: str
    data: str = ""
    name: str = ""
    detail: str = ""  # how closely a model is to look at an image: `low` or `high`, a hint to those that take one

    @property
    def is_image(self) -> bool:
        return self.media_type.startswith("image/")


PromptPart = Text | Reasoning | File | RequestedCall | ToolResult | ProviderMetadata


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
    strict: bool | None = None  # whether arguments must follow the schema to the letter, where a dialect can say so


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question with its context; the last message is the new one, or the reply that goes on after its tools.

    `params` may hold, for every dialect: `max_tokens`, `temperature`, `top_p`, `effort` (an `Effort`),
    `response_format` (as OpenAI's chat completions have it: `json_object`, or `json_schema` with its schema),
    `tool_choice` (`auto`, `none`, `required`, or `{"name": …}`), `parallel_tool_calls`, `stop` (a list of texts),
    `seed`, `presence_penalty`, `frequency_penalty`; and for chat completions alone: `logprobs`, `top_logprobs`,
    `logit_bias`, `n`. What a dialect cannot say is refused before it comes here (`Abilities`); an adapter leaves it
    out.
    """

    model: str
    system: str
    messages: tuple[PromptMessage, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[ToolDeclaration, ...] = ()

    @property
    def size(self) -> int:
        """Characters of all its texts."""
        return len(self.system) + sum([message_size(message) for message in self.messages])


def message_size(message: PromptMessage) -> int:
    """Return the characters of a message, those of files, calls and results included."""
    return len(message.text) + sum([part_size(part) for part in message.parts])


def part_size(part: PromptPart) -> int:
    """Return the characters of a part that are not in the text of its message."""
    match part:
        case File(data=text) | RequestedCall(arguments=text) | ToolResult(output=text):
            return len(text)
    return 0


@dataclass(slots=True)
class TextDelta:
    text: str


@dataclass(slots=True)
class RefusalDelta(TextDelta):
    """Text by which a model refuses to answer, from providers that tell the two apart."""


@dataclass(slots=True)
class ReasoningDelta:
    text: str


@dataclass(slots=True)
class GeneratedFile:
    """A file that a model has made, in base64; of which type it is, the provider only says."""

    data: str
    media_type: str


@dataclass(slots=True)
class ToolInputDelta:
    """Arguments as they are being written; the whole comes as a `RequestedCall` with the same id."""

    call: str
    name: str
    text: str


@dataclass(slots=True)
class Usage:
    """Tokens as the provider counted them: `prompt` includes those cached, `completion` includes reasoning."""

    prompt: int
    completion: int
    cached: int = 0
    reasoning: int = 0


@dataclass(slots=True)
class ProviderCall:
    """One request to a provider, the `number`th for what was asked; instants as `time.time()` has them.

    `first` is when something of the reply came, None where nothing has; `error` is a `ProviderError`'s code.
    """

    number: int
    provider: str
    model: str
    begun: float
    first: float | None = None
    ended: float | None = None
    error: str = ""
    usage: Usage | None = None


@dataclass(slots=True)
class Finished:
    """The provider said that it had finished; `model` is the one that says it answered."""

    reason: FinishReason
    model: str
    usage: Usage | None


@dataclass(slots=True)
class LogProbs:
    """The log probabilities of tokens, as chat completions tell them (`logprobs.content`), asked for by `logprobs`."""

    content: list[Any]


ChoiceEvent = TextDelta | ReasoningDelta | GeneratedFile | ToolInputDelta | RequestedCall | LogProbs | Finished


@dataclass(slots=True)
class OtherChoice:
    """What belongs to a further choice (`index` from 1), where `n` asked for more than one."""

    index: int
    event: ChoiceEvent


ProviderEvent = (
    TextDelta
    | ReasoningDelta
    | GeneratedFile
    | ToolInputDelta
    | RequestedCall
    | ProviderMetadata
    | CitedSource
    | LogProbs
    | OtherChoice
    | Finished
)


@dataclass(frozen=True, slots=True)
class Quirks:
    """How a compatible server differs from the vendor whose dialect it speaks."""

    wants_reasoning_content: bool = False  # in every message with calls, though the thoughts be gone (DeepSeek)
    refuses_stream_options: bool = False  # so that it may count no tokens
    wants_max_tokens: bool = False  # as which others know `max_completion_tokens`


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
