"""What of a body for `/v1/chat/completions` takes more than a stock field to read."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from rest_framework import serializers

from chats.wire.fields import message_problem
from common.errors import Invalid
from llm.client.types import PromptMessage

SYSTEM = ("system", "developer")
ROLES = (*SYSTEM, "user", "assistant")
MOST_MESSAGES = 10_000
SYSTEM_MESSAGES = 4  # of the longest: they become one text
# What would change the reply, were it understood: saying so is better than leaving it out in silence.
REFUSED = ("tools", "functions", "stop", "audio", "logprobs", "top_logprobs", "prediction", "web_search_options")


class UnsupportedParameter(Invalid):
    code, title = "unsupported_parameter", "This server does not take that parameter."


def refuse_unsupported(data: dict[str, Any]) -> None:
    """Raise UnsupportedParameter for what is not understood and matters."""
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


class MessagesField(serializers.ListField):
    """Messages, as the system text and the others in order; the child is for the document, and too slow for many."""

    def to_internal_value(self, data: Any) -> tuple[str, tuple[PromptMessage, ...]]:  # type: ignore[override]
        if not isinstance(data, Sequence) or isinstance(data, str) or not 0 < len(data) <= MOST_MESSAGES:
            raise serializers.ValidationError(f"This must be a list of 1 to {MOST_MESSAGES:,} messages.")
        system, messages = [], []
        for message in data:
            role, text = _message(message)
            if role in SYSTEM:
                system.append(text)
            else:
                messages.append(PromptMessage("user" if role == "user" else "assistant", text))
        if sum(map(len, system)) > SYSTEM_MESSAGES * settings.MAX_MESSAGE_CHARS:
            raise serializers.ValidationError("The system messages are too long.")
        if not messages or messages[-1].role != "user":
            raise serializers.ValidationError("The last message must be the user's.")
        return "\n\n".join(system), tuple(messages)


def _message(message: Any) -> tuple[str, str]:
    if not isinstance(message, dict):
        raise serializers.ValidationError("A message must be an object.")
    role = message.get("role")
    if role not in ROLES:
        raise serializers.ValidationError("A role must be system, developer, user or assistant.")
    text = _text(message.get("content"))
    if role == "user" and not text.strip():
        raise serializers.ValidationError("A user message must have text.")
    return role, text


def _text(content: Any) -> str:
    if isinstance(content, list):
        parts = [
            part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content
        ]
        if not all(isinstance(part, str) for part in parts):
            raise serializers.ValidationError("Only text parts are taken.")
        content = "\n".join(map(str, parts))
    content = content or ""
    if not isinstance(content, str):
        raise serializers.ValidationError("`content` must be a text.")
    if problem := message_problem(content):
        raise serializers.ValidationError(problem)
    return content
