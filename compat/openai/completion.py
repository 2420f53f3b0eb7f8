"""What clients of OpenAI's API post to `/v1/chat/completions`, as far as it is taken."""

import math
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from common.errors import Invalid
from llm.client.types import Prompt, PromptMessage

SYSTEM = ("system", "developer")
MOST_MESSAGES = 10_000
# What would change the reply, were it understood: saying so is better than leaving it out in silence.
REFUSED = ("tools", "functions", "stop", "audio", "logprobs", "top_logprobs", "prediction", "web_search_options")


class UnsupportedParameter(Invalid):
    code, title = "unsupported_parameter", "This server does not take that parameter."


@dataclass(frozen=True, slots=True)
class Completion:
    """A request for a completion; `prompt` has the roles that the caller gave."""

    model: str
    prompt: Prompt
    stream: bool
    include_usage: bool
    store: bool


def read_completion(data: dict[str, Any]) -> Completion:
    """Read a body; raise Invalid with the parameter's name."""
    _refuse_unsupported(data)
    system, messages = _messages(data.get("messages"))
    options = data.get("stream_options") or {}
    if not isinstance(options, dict):
        raise invalid("stream_options", "`stream_options` must be an object.")
    prompt = Prompt(_text(data.get("model"), "model"), system, messages, _params(data))
    return Completion(
        prompt.model, prompt, _flag(data, "stream"), _flag(options, "include_usage"), _flag(data, "store")
    )


def invalid(field: str, what: str) -> Invalid:
    return Invalid(what, errors={field: [what]})


def _refuse_unsupported(data: dict[str, Any]) -> None:
    for name in REFUSED:
        if data.get(name):
            raise UnsupportedParameter(f"This server does not take `{name}`.", errors={name: ["Not supported."]})
    if data.get("n") not in (None, 1):
        raise UnsupportedParameter("This server gives one choice: `n` must be 1.", errors={"n": ["Must be 1."]})
    if data.get("modalities") not in (None, ["text"]):
        raise UnsupportedParameter("This server gives text only.", errors={"modalities": ["Must be text."]})
    form = data.get("response_format")
    if form is not None and form != {"type": "text"}:
        raise UnsupportedParameter("This server gives text only.", errors={"response_format": ["Must be text."]})


def _messages(given: Any) -> tuple[str, tuple[PromptMessage, ...]]:
    """Return the system text and the rest of the messages in order."""
    if not isinstance(given, list) or not 0 < len(given) <= MOST_MESSAGES:
        raise invalid("messages", "`messages` must be a list of messages.")
    system, messages = [], []
    for message in given:
        role, text = _message(message)
        if role in SYSTEM:
            system.append(text)
        else:
            messages.append(PromptMessage("user" if role == "user" else "assistant", text))
    if not messages or messages[-1].role != "user":
        raise invalid("messages", "The last message must be the user's.")
    return "\n\n".join(system), tuple(messages)


def _message(message: Any) -> tuple[str, str]:
    if not isinstance(message, dict):
        raise invalid("messages", "A message must be an object.")
    role = message.get("role")
    if role not in (*SYSTEM, "user", "assistant"):
        raise invalid("messages", "A role must be system, developer, user or assistant.")
    text = _content(message.get("content"))
    if role == "user" and not text.strip():
        raise invalid("messages", "A user message must have text.")
    return role, text


def _content(content: Any) -> str:
    if isinstance(content, list):
        parts = [
            part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content
        ]
        if not all(isinstance(part, str) for part in parts):
            raise invalid("messages", "Only text parts are taken.")
        content = "\n".join(str(part) for part in parts)
    return _text(content or "", "messages", settings.MAX_MESSAGE_CHARS, blank=True)


def _text(value: Any, field: str, most: int = 200, blank: bool = False) -> str:
    if not isinstance(value, str) or not (value or blank):
        raise invalid(field, f"`{field}` must be a text.")
    if len(value) > most:
        raise invalid(field, f"`{field}` has at most {most} characters.")
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise invalid(field, "NUL and unpaired surrogates are not allowed.")
    return value


def _flag(data: dict[str, Any], name: str) -> bool:
    value = data.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(name, f"`{name}` must be true or false.")
    return bool(value)


def _params(data: dict[str, Any]) -> dict[str, int | float]:
    found: dict[str, int | float] = {}
    most = data.get("max_completion_tokens", data.get("max_tokens"))
    if most is not None:
        if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= 10**7:
            raise invalid("max_completion_tokens", "The limit of tokens must be a whole number above 0.")
        found["max_tokens"] = most
    for name, highest in (("temperature", 2), ("top_p", 1)):
        if (value := data.get(name)) is not None:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
                raise invalid(name, f"`{name}` must be a number from 0 to {highest}.")
            found[name] = value
    assert all(map(math.isfinite, found.values())), "the JSON parser takes no NaN"
    return found
