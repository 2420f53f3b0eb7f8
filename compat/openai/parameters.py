"""The parameters of a completion that take more than a stock field to read: passed on, refused by name, or ignored."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chats.wire.response_format import VALID_NAME
from common.errors import Invalid
from common.text import NOT_STORABLE, is_storable, is_storable_json

MOST_TOOLS, MOST_STOPS, STOP_CHARS, MOST_BIASES = 128, 16, 1000, 1024
CHOICES = ("none", "auto", "required")
# What would change the reply, were it understood; the last ones are other servers' words.
REFUSED = ("functions", "function_call", "audio", "moderation", "prediction", "web_search_options",
           "top_k", "min_p", "repetition_penalty", "reasoning", "thinking")  # fmt: skip
# What changes no word of the reply here.
IGNORED = ("user", "safety_identifier", "metadata", "service_tier", "prompt_cache_key", "prompt_cache_options",
           "prompt_cache_retention", "verbosity")  # fmt: skip
# What is so anyway; asking for it asks for nothing.
DEFAULTS: Mapping[str, Any] = {
    "n": 1, "logprobs": False, "top_logprobs": 0, "logit_bias": {}, "stop": [], "presence_penalty": 0,
    "frequency_penalty": 0, "tools": [], "tool_choice": "auto", "parallel_tool_calls": True,
}  # fmt: skip


class UnsupportedParameter(Invalid):
    code, title = "unsupported_parameter", "This server does not take that parameter."


def refuse(name: str, why: str = "") -> UnsupportedParameter:
    """Return the refusal of one parameter."""
    return UnsupportedParameter(why or f"This server does not take `{name}`.", errors={name: [why or "Not supported."]})


def without_defaults(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body without what asks for nothing; raise UnsupportedParameter for what is not taken here."""
    for name in REFUSED:
        if data.get(name):
            raise refuse(name)
    if data.get("modalities") not in (None, ["text"]):
        raise refuse("modalities", "This server gives text only.")
    given = {name: value for name, value in data.items() if value is not None}
    return {name: value for name, value in given.items() if name not in DEFAULTS or not _is_same(value, DEFAULTS[name])}


def _is_same(value: Any, default: Any) -> bool:
    """Compare as JSON does, to which true is no number."""
    return isinstance(value, bool) == isinstance(default, bool) and bool(value == default)


def described_function(data: Any) -> dict[str, Any] | None:
    """Return the function of a tool, of a call or of a choice; None where it is something else."""
    function = data.get("function") if isinstance(data, dict) and data.get("type", "function") == "function" else None
    return function if isinstance(function, dict) else None


def function_name(function: Mapping[str, Any]) -> str:
    """Return the name of a function; raise ValidationError for one that vendors do not take."""
    name = function.get("name")
    if not isinstance(name, str) or not VALID_NAME(name):
        raise serializers.ValidationError("A function's name has 1 to 64 of the characters a-z, A-Z, 0-9, _ and -.")
    return name


_FUNCTION = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "parameters": {"type": "object", "additionalProperties": True, "description": "a JSON Schema"},
        "strict": {"type": "boolean"},
    },
}
_CHOSEN = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}


def _of_function(function: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of what is of the type function."""
    kind = {"type": "string", "enum": ["function"]}
    return {"type": "object", "required": ["type", "function"], "properties": {"type": kind, "function": function}}


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
class StopField(serializers.Field[Any, Any, Any, Any]):
    """One text or some, before which a reply ends."""

    def to_internal_value(self, data: Any) -> list[str]:
        stops = [data] if isinstance(data, str) else data
        if not isinstance(stops, list) or not 0 < len(stops) <= MOST_STOPS:
            raise serializers.ValidationError(f"This must be a text or a list of at most {MOST_STOPS} texts.")
        if not all(isinstance(stop, str) and 0 < len(stop) <= STOP_CHARS for stop in stops):
            raise serializers.ValidationError(f"Each must be a text of 1 to {STOP_CHARS:,} characters.")
        if not all(map(is_storable, stops)):
            raise serializers.ValidationError(NOT_STORABLE)
        return stops


@extend_schema_field({"type": "object", "additionalProperties": {"type": "number"}})
class LogitBiasField(serializers.Field[Any, Any, Any, Any]):
    """Numbers from -100 to 100 by the token, itself a number."""

    def to_internal_value(self, data: Any) -> dict[str, float]:
        if not isinstance(data, dict) or len(data) > MOST_BIASES:
            raise serializers.ValidationError(f"This must be an object of at most {MOST_BIASES:,} tokens.")
        for token, bias in data.items():
            is_token = token.isascii() and token.isdigit() and len(token) < 10
            if not is_token or isinstance(bias, bool) or not isinstance(bias, int | float) or not -100 <= bias <= 100:
                raise serializers.ValidationError("Give a number from -100 to 100 for each token's number.")
        return data


@extend_schema_field({"oneOf": [{"type": "string", "enum": list(CHOICES)}, _of_function(_CHOSEN)]})
class ToolChoiceField(serializers.Field[Any, Any, Any, Any]):
    """`none`, `auto`, `required`, or the tool that must be called, as `{name}`."""

    def to_internal_value(self, data: Any) -> str | dict[str, str]:
        if isinstance(data, str) and data in CHOICES:
            return data
        function = data.get("function") if isinstance(data, dict) and data.get("type") == "function" else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str):
            raise serializers.ValidationError(
                "This must be none, auto, required, or {type: function, function: {name}}."
            )
        return {"name": name}


@extend_schema_field(_of_function(_FUNCTION))
class ToolField(serializers.Field[Any, Any, Any, Any]):
    """One function that the caller can carry out, as the keywords of a `ToolDeclaration`."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        function = described_function(data)
        if function is None:
            raise serializers.ValidationError("Only tools of the type function are taken: {type, function: {name, …}}.")
        name, parameters = function_name(function), function.get("parameters")
        description, strict = function.get("description"), function.get("strict")
        if not isinstance(parameters, dict | None) or not isinstance(description, str | None):
            raise serializers.ValidationError("A function's `parameters` are a JSON Schema, its `description` a text.")
        if not isinstance(strict, bool | None):
            raise serializers.ValidationError("A function's `strict` is true or false.")
        if not is_storable_json(function):
            raise serializers.ValidationError(NOT_STORABLE)
        schema = parameters or {"type": "object", "properties": {}}
        return {"name": name, "description": description or "", "parameters": schema, "strict": strict}
