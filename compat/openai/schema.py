"""The shapes of `/v1`: bodies are read by them, answers are made by `compat.openai.encoder`."""

from dataclasses import dataclass
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from chats.wire.fields import MOST_TOKENS, ModelNameField
from chats.wire.schema import TURN_PROBLEMS
from common.drf import FlagField, NumberField, WholeNumberField
from common.views import without_null
from compat.openai.reading import ROLES, MessagesField, refuse_unsupported
from llm.client.types import Prompt


class OpenAIErrorDetail(serializers.Serializer[Any]):
    message = serializers.CharField()
    type = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    code = serializers.CharField(allow_null=True)


class OpenAIErrorOutput(serializers.Serializer[Any]):
    error = OpenAIErrorDetail()


class CompletionMessageInput(serializers.Serializer[Any]):
    role = serializers.ChoiceField(ROLES)
    content = serializers.CharField(help_text="or a list of {type: text, text}")


class StreamOptionsInput(serializers.Serializer[Any]):
    include_usage = FlagField(required=False, default=False, allow_null=True)


class CompletionInput(serializers.Serializer[Any]):
    model = ModelNameField()
    messages = MessagesField(child=CompletionMessageInput())
    stream = FlagField(required=False, default=False)
    stream_options = StreamOptionsInput(required=False)
    store = FlagField(required=False, default=False, help_text="make a chat of it")
    max_completion_tokens = WholeNumberField(required=False, min_value=1, max_value=MOST_TOKENS)
    temperature = NumberField(required=False, min_value=0, max_value=2)
    top_p = NumberField(required=False, min_value=0, max_value=1)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        refuse_unsupported(data)
        given = without_null(data)
        if "max_tokens" in given:  # its name before
            given.setdefault("max_completion_tokens", given["max_tokens"])
        return super().to_internal_value(given)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Completion:
    """A request for a completion; `prompt` has the roles that the caller gave."""

    model: str
    prompt: Prompt
    stream: bool
    include_usage: bool
    store: bool


def completion_of(values: dict[str, Any]) -> Completion:
    """Return what a valid body asks for."""
    system, messages = values["messages"]
    names = {"max_completion_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p"}
    params = {name: values[given] for given, name in names.items() if given in values}
    prompt = Prompt(values["model"], system, messages, params)
    include_usage = bool(values.get("stream_options", {}).get("include_usage"))
    return Completion(prompt.model, prompt, values["stream"], include_usage, values["store"])


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
