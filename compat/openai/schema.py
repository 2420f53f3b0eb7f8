"""The shapes of `/v1`: bodies are read by them, answers are made by `compat.openai.encoder`."""

from dataclasses import dataclass
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from chats.wire.fields import MOST_TOKENS, ModelNameField
from chats.wire.response_format import ResponseFormatField
from chats.wire.schema import TURN_PROBLEMS
from chats.wire.settings import EFFORTS
from common.drf import FlagField, NumberField, ShortListField, WholeNumberField
from compat.openai.messages import ROLES, MessagesField
from compat.openai.parameters import (
    MOST_TOOLS,
    LogitBiasField,
    StopField,
    ToolChoiceField,
    ToolField,
    without_defaults,
)
from llm.client.types import Prompt, ToolDeclaration

MOST_CHOICES = 128


class OpenAIErrorDetail(serializers.Serializer[Any]):
    message = serializers.CharField()
    type = serializers.CharField()
    param = serializers.CharField(allow_null=True)
    code = serializers.CharField(allow_null=True)


class OpenAIErrorOutput(serializers.Serializer[Any]):
    error = OpenAIErrorDetail()


class CompletionMessageInput(serializers.Serializer[Any]):
    role = serializers.ChoiceField(ROLES)
    content = serializers.CharField(
        allow_null=True,
        help_text="or a list of parts: {type: text, text}, and of a user {type: image_url, image_url: {url, detail?}} "
        "and {type: file, file: {file_data, filename?}}",
    )
    tool_calls = serializers.JSONField(required=False, help_text="of an assistant")
    tool_call_id = serializers.CharField(required=False, help_text="of a tool")


class StreamOptionsInput(serializers.Serializer[Any]):
    include_usage = FlagField(required=False, default=False, allow_null=True)


class CompletionInput(serializers.Serializer[Any]):
    model = ModelNameField()
    messages = MessagesField(child=CompletionMessageInput())
    stream = FlagField(required=False, default=False)
    stream_options = StreamOptionsInput(required=False)
    store = FlagField(required=False, default=False, help_text="make a chat of it")
    max_completion_tokens = WholeNumberField(
        required=False, min_value=1, max_value=MOST_TOKENS, help_text="or `max_tokens`, its name before"
    )
    temperature = NumberField(required=False, min_value=0, max_value=2)
    top_p = NumberField(required=False, min_value=0, max_value=1)
    presence_penalty = NumberField(required=False, min_value=-2, max_value=2)
    frequency_penalty = NumberField(required=False, min_value=-2, max_value=2)
    seed = WholeNumberField(required=False, min_value=-(2**63), max_value=2**63 - 1)
    stop = StopField(required=False)
    n = WholeNumberField(required=False, min_value=1, max_value=MOST_CHOICES)
    logprobs = FlagField(required=False)
    top_logprobs = WholeNumberField(required=False, min_value=0, max_value=20)
    logit_bias = LogitBiasField(required=False)
    reasoning_effort = serializers.ChoiceField(EFFORTS, required=False)
    response_format = ResponseFormatField(required=False)
    tools = ShortListField(required=False, child=ToolField(), max_length=MOST_TOOLS)
    tool_choice = ToolChoiceField(required=False)
    parallel_tool_calls = FlagField(required=False)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        given = without_defaults(data)
        if "max_tokens" in given:  # its name before
            given.setdefault("max_completion_tokens", given["max_tokens"])
        return super().to_internal_value(given)  # type: ignore[no-any-return]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what means nothing alone; OpenAI does, too."""
        if "top_logprobs" in attrs and not attrs.get("logprobs"):
            raise serializers.ValidationError({"top_logprobs": "This needs `logprobs`."})
        names = [tool["name"] for tool in attrs.get("tools", ())]
        if len(set(names)) < len(names):
            raise serializers.ValidationError({"tools": "Two tools have the same name."})
        choice = attrs.get("tool_choice", "none")
        if isinstance(choice, dict) and choice["name"] not in names:
            raise serializers.ValidationError({"tool_choice": "This is none of the tools."})
        if choice == "required" and not names:
            raise serializers.ValidationError({"tool_choice": "There is no tool to be called."})
        return attrs


@dataclass(frozen=True, slots=True)
class Completion:
    """A request for a completion; `prompt` has the roles that the caller gave."""

    model: str
    prompt: Prompt
    stream: bool
    include_usage: bool
    store: bool


# Of the parameters, what a prompt calls otherwise; the others have its names.
NAMES = {"max_completion_tokens": "max_tokens", "reasoning_effort": "effort"}
PARAMS = (*NAMES, "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed", "stop", "n", "logprobs",
          "top_logprobs", "logit_bias", "response_format")  # fmt: skip
OF_TOOLS = ("tool_choice", "parallel_tool_calls")  # which mean nothing without any


def completion_of(values: dict[str, Any]) -> Completion:
    """Return what a valid body asks for."""
    system, messages = values["messages"]
    tools = tuple(ToolDeclaration(**tool) for tool in values.get("tools", ()))
    wanted = (*PARAMS, *OF_TOOLS) if tools else PARAMS
    params = {NAMES.get(name, name): values[name] for name in wanted if values.get(name) is not None}
    prompt = Prompt(values["model"], system, messages, params, tools)
    include_usage = bool(values.get("stream_options", {}).get("include_usage"))
    return Completion(prompt.model, prompt, values["stream"], include_usage, values["store"])


class FunctionOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    arguments = serializers.CharField(help_text="JSON, as the model wrote it")


class CompletionCallOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    type = serializers.ChoiceField(["function"])
    function = FunctionOutput()


class CompletionMessageOutput(serializers.Serializer[Any]):
    role = serializers.CharField()
    content = serializers.CharField(allow_null=True)
    refusal = serializers.CharField(allow_null=True)
    reasoning_content = serializers.CharField(required=False)
    reasoning = serializers.CharField(required=False, help_text="the same")
    tool_calls = CompletionCallOutput(many=True, required=False)


class ChoiceOutput(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    message = CompletionMessageOutput()
    finish_reason = serializers.ChoiceField(["stop", "length", "content_filter", "tool_calls"])
    logprobs = serializers.JSONField(allow_null=True)


class PromptTokensOutput(serializers.Serializer[Any]):
    cached_tokens = serializers.IntegerField()


class CompletionTokensOutput(serializers.Serializer[Any]):
    reasoning_tokens = serializers.IntegerField()


class CompletionUsageOutput(serializers.Serializer[Any]):
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    total_tokens = serializers.IntegerField()
    prompt_tokens_details = PromptTokensOutput()
    completion_tokens_details = CompletionTokensOutput()


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
