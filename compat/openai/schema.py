"""The shapes of `/v1` for the OpenAPI document; `compat.openai.completion` and `compat.openai.encoder` make them."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from chats.wire.schema import TURN_PROBLEMS


class OpenAIErrorDetail(serializers.Serializer[Any]):
    message = serializers.CharField()
    type = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    code = serializers.CharField(allow_null=True)


class OpenAIErrorOutput(serializers.Serializer[Any]):
    error = OpenAIErrorDetail()


class CompletionMessageInput(serializers.Serializer[Any]):
    role = serializers.ChoiceField(["system", "developer", "user", "assistant"])
    content = serializers.CharField(help_text="or a list of {type: text, text}")


class StreamOptionsInput(serializers.Serializer[Any]):
    include_usage = serializers.BooleanField(required=False)


class CompletionInput(serializers.Serializer[Any]):
    model = serializers.CharField(max_length=200)
    messages = CompletionMessageInput(many=True)
    stream = serializers.BooleanField(required=False)
    stream_options = StreamOptionsInput(required=False)
    store = serializers.BooleanField(required=False, help_text="make a chat of it")
    max_completion_tokens = serializers.IntegerField(required=False, min_value=1)
    temperature = serializers.FloatField(required=False, min_value=0, max_value=2)
    top_p = serializers.FloatField(required=False, min_value=0, max_value=1)


class CompletionMessageOutput(serializers.Serializer[Any]):
    role = serializers.CharField()
    content = serializers.CharField()
    refusal = serializers.CharField(allow_null=True)
    reasoning_content = serializers.CharField(required=False)


class ChoiceOutput(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    message = CompletionMessageOutput()
    finish_reason = serializers.ChoiceField(["stop", "length", "content_filter"])
    logprobs = serializers.JSONField(allow_null=True)


class CompletionUsageOutput(serializers.Serializer[Any]):
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    total_tokens = serializers.IntegerField()


class CompletionOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.CharField()
    created = serializers.IntegerField()
    model = serializers.CharField()
    choices = ChoiceOutput(many=True)
    usage = CompletionUsageOutput()
    metadata = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="the chat and reply, where stored"
    )


class OpenAIModelOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.CharField()
    created = serializers.IntegerField()
    owned_by = serializers.CharField()


class OpenAIModelsOutput(serializers.Serializer[Any]):
    object = serializers.CharField()
    data = OpenAIModelOutput(many=True)  # type: ignore[assignment]


OPENAI_PROBLEMS: dict[Any, Any] = {
    (status, "application/json"): OpenApiResponse(OpenAIErrorOutput, description=about.description)
    for (status, _), about in TURN_PROBLEMS.items()
}
COMPLETION_RESPONSES: dict[Any, Any] = {
    (200, "application/json"): CompletionOutput,
    (200, "text/event-stream"): OpenApiResponse(OpenApiTypes.STR, description="chunks, where `stream` is true"),
    **OPENAI_PROBLEMS,
}
