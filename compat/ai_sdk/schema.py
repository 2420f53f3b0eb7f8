"""The shapes of `/api/chat` for the OpenAPI document; `submission` reads them and `encoder` makes them."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from chats.models import Role
from chats.wire.schema import PROBLEMS, TURN_PROBLEMS
from common.drf import TextField


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


class UiBodyInput(serializers.Serializer[Any]):
    """What `DefaultChatTransport` posts; only the last user message is believed."""

    id = serializers.CharField(max_length=255, help_text="the chat: our UUID, or the client's own id")
    messages = serializers.ListField(child=serializers.DictField(), required=False)
    message = serializers.DictField(required=False, help_text="instead of `messages`: the last one alone")
    trigger = serializers.ChoiceField(["submit-message", "regenerate-message"], required=False)
    messageId = serializers.CharField(required=False, max_length=255)  # noqa: N815
    model = serializers.CharField(required=False, max_length=200)


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
