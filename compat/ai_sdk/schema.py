"""The shapes of what `/api/chat` answers, and of its queries; `submission` has what is posted to it."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from chats.models import Role
from chats.wire.schema import PROBLEMS, TURN_PROBLEMS
from common.drf import TextField
from compat.ai_sdk.tool_parts import RESPONDED, STATES


class UiRefusalOutput(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="machine-readable")
    detail = serializers.CharField()


class UiApprovalOutput(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="what an answer names")
    approved = serializers.BooleanField(required=False, help_text="absent until it is answered")
    reason = serializers.CharField(required=False)


class UiPartOutput(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["step-start", "text", "reasoning", "file", "dynamic-tool", "source-url"])
    text = serializers.CharField(required=False)
    state = serializers.ChoiceField(["done", RESPONDED, *dict.fromkeys(STATES.values())], required=False)
    toolName = serializers.CharField(required=False)  # noqa: N815
    toolCallId = serializers.CharField(required=False)  # noqa: N815
    input = serializers.JSONField(required=False)
    output = serializers.JSONField(required=False)
    errorText = serializers.CharField(required=False)  # noqa: N815
    providerExecuted = serializers.BooleanField(required=False)  # noqa: N815
    approval = UiApprovalOutput(required=False)
    sourceId = serializers.CharField(required=False)  # noqa: N815
    url = serializers.CharField(required=False, help_text="of a source, or of a file, for its owner's token")
    mediaType = serializers.CharField(required=False)  # noqa: N815
    filename = serializers.CharField(required=False)
    title = serializers.CharField(required=False)


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


class UiStreamQuery(serializers.Serializer[Any]):
    approvals = serializers.BooleanField(default=False, help_text="as in the body of the POST")


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
