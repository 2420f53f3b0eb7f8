"""The messages of a completion, read into those of a prompt: what a caller says was said, called and answered."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from rest_framework import serializers

from chats.wire.data_files import read_data_url
from chats.wire.fields import message_problem
from common.media import HEAD, is_picture
from common.text import is_storable
from compat.openai.parameters import described_function, function_name
from llm.client.types import File, PromptMessage, PromptPart, RequestedCall, Text, ToolResult

SYSTEM = ("system", "developer")
ROLES = (*SYSTEM, "user", "assistant", "tool")
MOST_MESSAGES = 10_000
SYSTEM_MESSAGES = 4  # of the longest: they become one text
MOST_CALLS, MOST_FILES, CALL_ID_CHARS, NAME_CHARS = 128, 100, 256, 255
BASE64_HEAD = (HEAD + 2) // 3 * 4
DETAILS = {None: "", "auto": "", "low": "low", "high": "high", "original": "high"}


class MessagesField(serializers.ListField):
    """Messages, as the system text and the others in order; the child is for the document, and too slow for many."""

    def to_internal_value(self, data: Any) -> tuple[str, tuple[PromptMessage, ...]]:  # type: ignore[override]
        if not isinstance(data, Sequence) or isinstance(data, str) or not 0 < len(data) <= MOST_MESSAGES:
            raise serializers.ValidationError(f"This must be a list of 1 to {MOST_MESSAGES:,} messages.")
        conversation = Conversation()
        for message in data:
            conversation.add(message)
        return conversation.prompt()


class Conversation:
    """Joins what a prompt has in one place: system texts, and the calls of a message with their results."""

    def __init__(self) -> None:
        self._system: list[str] = []
        self._messages: list[PromptMessage] = []
        self._files = 0
        self._said: tuple[str, list[PromptPart]] | None = None  # by a message with calls
        self._waiting: dict[str, str] = {}  # names of the calls that have no result yet, by their ids

    def add(self, message: Any) -> None:
        """Take the next message; raise ValidationError."""
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ROLES:
            raise serializers.ValidationError(f"A message must be an object whose role is one of {', '.join(ROLES)}.")
        if role == "tool":
            return self._answer(message)
        self._close()
        if role in SYSTEM:
            self._system.append(_text(message.get("content")))
        elif role == "user":
            asked = _asked(message.get("content"))
            self._files += sum(isinstance(part, File) for part in asked.parts)
            if self._files > MOST_FILES:  # each of which a process is started for
                raise serializers.ValidationError(f"The messages have at most {MOST_FILES} files.")
            self._messages.append(asked)
        else:
            self._say(message)
        return None

    def prompt(self) -> tuple[str, tuple[PromptMessage, ...]]:
        """Return the system text and the other messages; instructions that stand alone are the question."""
        self._close()
        if sum(map(len, self._system)) > SYSTEM_MESSAGES * settings.MAX_MESSAGE_CHARS:
            raise serializers.ValidationError("The system messages are too long.")
        system = "\n\n".join(self._system)
        if self._messages:
            return system, tuple(self._messages)
        if not system.strip():
            raise serializers.ValidationError("There is no text in the messages.")
        return "", (PromptMessage("user", system),)

    def _say(self, message: dict[str, Any]) -> None:
        for name in ("audio", "function_call"):
            if message.get(name):
                raise serializers.ValidationError(f"`{name}` is not taken in a message.")
        text = "\n".join(filter(None, [_text(message.get("content")), _text(message.get("refusal"))]))
        calls = list(_calls(message.get("tool_calls")))
        if not calls:
            self._messages.append(PromptMessage("assistant", text))
            return
        self._said = text, [*([Text(text)] if text else []), *calls]
        self._waiting = {call.id: call.name for call in calls}
        if len(self._waiting) < len(calls):
            raise serializers.ValidationError("Two tool calls of one message have the same id.")

    def _answer(self, message: dict[str, Any]) -> None:
        id_ = message.get("tool_call_id")
        if self._said is None or not isinstance(id_, str) or id_ not in self._waiting:
            raise serializers.ValidationError("A tool message must answer, once, a call of the message before it.")
        self._said[1].append(ToolResult(id_, self._waiting.pop(id_), _text(message.get("content"))))

    def _close(self) -> None:
        """Put away a message with calls; they all have their results by now."""
        if self._waiting:
            raise serializers.ValidationError("Every tool call must be answered by a tool message right after it.")
        if self._said is not None:
            text, parts = self._said
            self._messages.append(PromptMessage("assistant", text, tuple(parts)))
            self._said = None


def _calls(given: Any) -> Iterator[RequestedCall]:
    if not isinstance(given, list | None) or len(given or ()) > MOST_CALLS:
        raise serializers.ValidationError(f"`tool_calls` must be a list of at most {MOST_CALLS} calls.")
    for call in given or ():
        function = described_function(call)
        if function is None:
            raise serializers.ValidationError("Only calls of the type function are taken.")
        id_, arguments = call.get("id"), function.get("arguments")
        if not isinstance(id_, str) or not 0 < len(id_) <= CALL_ID_CHARS or not is_storable(id_):
            raise serializers.ValidationError(f"The id of a tool call has 1 to {CALL_ID_CHARS} characters.")
        name = function_name(function)
        if not isinstance(arguments, str):
            raise serializers.ValidationError("The arguments of a tool call must be a text.")
        yield RequestedCall(id_, name, _checked(arguments))


def _asked(content: Any) -> PromptMessage:
    """Read a user's message, which may have files among its texts."""
    if not isinstance(content, list) or all(_kind(part) == "text" for part in content):
        text = _text(content)
        if not text.strip():
            raise serializers.ValidationError("A user message must have text.")
        return PromptMessage("user", text)
    parts = tuple(_user_part(part) for part in content)
    text = _checked("\n".join(part.text for part in parts if isinstance(part, Text)))
    return PromptMessage("user", text, parts)


def _user_part(part: Any) -> Text | File:
    match kind := _kind(part):
        case "text":
            return Text(_text([part]))
        case "image_url":
            return _image(part[kind])
        case "file":
            return _document(part[kind])
    raise serializers.ValidationError(f"Parts of the type {kind[:64]!r} are not taken.")


def _kind(part: Any) -> str:
    """Return what a part is, where it has the member that bears its name."""
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str) or kind not in part:
        raise serializers.ValidationError("A part must be an object with a type, and with what that type names.")
    return kind


def _image(given: Any) -> File:
    url, detail = (given.get("url"), given.get("detail")) if isinstance(given, dict) else (None, None)
    if not isinstance(url, str) or not isinstance(detail, str | None) or detail not in DETAILS:
        raise serializers.ValidationError("`image_url` must be {url, detail?}, the detail auto, low or high.")
    found = read_data_url(url)
    if found is None:
        raise serializers.ValidationError("The url of an image must be a data: URL in base64; no other is fetched.")
    if not is_picture(base64.b64decode(found[1][:BASE64_HEAD])):
        raise serializers.ValidationError("`image_url` must be a PNG, JPEG, WebP, GIF or HEIC picture.")
    return File(*found, detail=DETAILS[detail])


def _document(given: Any) -> File:
    """Read a file that is here; one that some provider keeps under an id is not."""
    data, name = (given.get("file_data"), given.get("filename")) if isinstance(given, dict) else (None, None)
    if not isinstance(data, str) or not isinstance(name, str | None):
        raise serializers.ValidationError("`file` must be {file_data, filename?}; files by their id are not taken.")
    name = name or ""
    if len(name) > NAME_CHARS or not is_storable(name):
        raise serializers.ValidationError(f"A filename has at most {NAME_CHARS} characters, and no NUL.")
    found = read_data_url(data)
    if found is None:
        raise serializers.ValidationError("`file_data` must be a data: URL in base64.")
    return File(*found, name)


def _text(content: Any) -> str:
    if isinstance(content, list):
        if not all(_kind(part) in ("text", "refusal") for part in content):
            raise serializers.ValidationError("Only text parts are taken in this message.")
        content = "\n".join(_checked(part[_kind(part)]) for part in content)
    return _checked("" if content is None else content)


def _checked(text: Any) -> str:
    if not isinstance(text, str):
        raise serializers.ValidationError("The content of a message must be text.")
    if problem := message_problem(text):
        raise serializers.ValidationError(problem)
    return text
