"""The shapes of `/api/chat`: bodies are read by them, answers are made by `encoder`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from chats.errors import FilesNotSupported
from chats.models import Role
from chats.services.client_ids import LENGTH, is_client_id
from chats.wire.fields import ModelNameField, message_problem
from chats.wire.schema import PROBLEMS, TURN_PROBLEMS
from common.drf import TextField
from common.views import without_null

SUBMIT, REGENERATE = "submit-message", "regenerate-message"


class UiRefusalOutput(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="machine-readable")
    detail = serializers.CharField()


class UiPartOutput(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["step-start", "text", "reasoning"])
    text = serializers.CharField(required=False)
    state = serializers.ChoiceField(["done"], required=False)


class UiMetadataOutput(serializers.Serializer[Any]):
    createdAt = serializers.DateTimeField()  # noqa: N815
    model = serializers.CharField(required=False)
    state = serializers.CharField(required=False)
    reason = serializers.CharField(required=False)


class UiMessageOutput(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="the client's own id where it made one, else our UUID")
    role = serializers.ChoiceField(Role.choices)
    metadata = UiMetadataOutput()
    parts = UiPartOutput(many=True)


class UiStoppedOutput(serializers.Serializer[Any]):
    message = UiMessageOutput(allow_null=True)


@dataclass(frozen=True, slots=True)
class Question:
    """The last user message: the client's id for it, and its text, or nothing where that is blank."""

    id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """One POST of a client; `message_id` names what to edit or to regenerate, `question_id` the last user message."""

    chat: str
    trigger: str
    message_id: str
    question_id: str
    text: str
    model: str


class UiMessagesField(serializers.ListField):
    """Messages, of which the last one of the user is all that is believed, and all that is looked at."""

    child = serializers.DictField()

    def to_internal_value(self, data: Any) -> Question:  # type: ignore[override]
        if not isinstance(data, Sequence) or isinstance(data, str):
            raise serializers.ValidationError("This must be a list of messages.")
        for message in reversed(data):
            if not isinstance(message, dict):
                raise serializers.ValidationError("A message must be an object.")
            if message.get("role") == Role.USER:
                return _question(message)
        return Question()


class UiMessageField(serializers.DictField):
    def to_internal_value(self, data: Any) -> Question:  # type: ignore[override]
        return UiMessagesField().to_internal_value([data])


def _question(message: dict[str, Any]) -> Question:
    parts, name = message.get("parts", []), message.get("id") or ""
    if not isinstance(name, str) or (name and not is_client_id(name)):
        raise serializers.ValidationError(f"The id of a message is a text of at most {LENGTH} characters.")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise serializers.ValidationError("`parts` must be a list of objects.")
    if any(part.get("type") == "file" for part in parts):
        raise FilesNotSupported(errors={"messages": [FilesNotSupported.title]})
    texts = [part.get("text") for part in parts if part.get("type") == "text"]
    if not all(isinstance(text, str) for text in texts):
        raise serializers.ValidationError("The text of a part must be a string.")
    text = "\n".join(map(str, texts))
    if problem := message_problem(text):
        raise serializers.ValidationError(problem)
    return Question(name, text if text.strip() else "")


class UiBodyInput(serializers.Serializer[Any]):
    """What `DefaultChatTransport` posts; only the last user message is believed."""

    id = TextField(source="chat", max_length=LENGTH, help_text="the chat: our UUID, or the client's own id")
    messages = UiMessagesField(required=False)
    message = UiMessageField(required=False, help_text="instead of `messages`: the last one alone")
    trigger = serializers.ChoiceField([SUBMIT, REGENERATE], required=False, default=SUBMIT)
    messageId = TextField(source="message_id", required=False, max_length=LENGTH, default="")  # noqa: N815
    model = ModelNameField(required=False, allow_blank=True, default="")

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(without_null(data))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        question = attrs.pop("messages", None) or attrs.get("message", Question())
        attrs.pop("message", None)
        if attrs["trigger"] == SUBMIT and not question.text:
            raise serializers.ValidationError({"messages": "The last user message has no text."})
        return attrs | {"question_id": question.id, "text": question.text}


class UiHistoryQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(required=False, min_value=1, max_value=1000, default=1000)
    before = TextField(
        required=False, allow_blank=True, max_length=255, default="", help_text="end before this message"
    )


def _short(problems: dict[Any, Any]) -> dict[Any, Any]:
    return {
        (status, "application/json"): OpenApiResponse(UiRefusalOutput, description=about.description)
        for (status, _), about in problems.items()
    }


UI_PROBLEMS, UI_TURN_PROBLEMS = _short(PROBLEMS), _short(TURN_PROBLEMS)
UI_STREAM = OpenApiResponse(
    OpenApiTypes.STR, description="The UI message stream protocol v1: `data:` lines with JSON chunks, then `[DONE]`."
)
