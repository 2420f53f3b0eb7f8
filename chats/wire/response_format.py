"""The form that a reply is to have: JSON, or JSON that follows a schema, written as OpenAI's chat completions do."""

import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.json import dumps
from common.text import NOT_STORABLE, is_storable_json

MOST_CHARS = 65_536  # of a schema, as JSON
VALID_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
KINDS = ("text", "json_object", "json_schema")
MEMBERS = {"name": str, "description": str, "schema": dict, "strict": bool}
DOCUMENTED = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "enum": list(KINDS)},
        "json_schema": {
            "type": "object",
            "required": ["name", "schema"],
            "properties": {
                "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
                "description": {"type": "string"},
                "schema": {"type": "object", "additionalProperties": True},
                "strict": {"type": "boolean"},
            },
        },
    },
}


@extend_schema_field(DOCUMENTED)
class ResponseFormatField(serializers.Field[Any, Any, Any, Any]):
    """`{type: json_object}`, or `{type: json_schema, json_schema: {name, schema, strict?, description?}}`.

    `{type: text}` is None: no form at all.
    """

    def to_internal_value(self, data: Any) -> dict[str, Any] | None:
        if problem := format_problem(data):
            raise serializers.ValidationError(problem)
        kind = data["type"]
        if kind != "json_schema":
            return {"type": kind} if kind == "json_object" else None
        given = {name: value for name, value in data["json_schema"].items() if value is not None}
        return {"type": kind, "json_schema": given}

    def to_representation(self, value: Any) -> Any:
        return value


def format_problem(data: Any) -> str:
    """Say what keeps a value from being a response format, or nothing."""
    if not isinstance(data, dict) or data.get("type") not in KINDS:
        return f"This must be an object whose `type` is one of {', '.join(KINDS)}."
    wanted = {"type", "json_schema"} if data["type"] == "json_schema" else {"type"}
    if unknown := sorted(data.keys() - wanted):
        return f"There is no member {unknown[0][:64]!r} beside `type` here."
    return _schema_problem(data.get("json_schema")) if data["type"] == "json_schema" else ""


def _schema_problem(given: Any) -> str:
    if not isinstance(given, dict) or not isinstance(given.get("schema"), dict):
        return "`json_schema` must be an object with a `name` and a `schema`."
    for name, value in given.items():
        if name not in MEMBERS:
            return f"There is no member {name[:64]!r} of `json_schema`."
        if value is not None and not isinstance(value, MEMBERS[name]):
            return f"`json_schema.{name}` is of another type."
    if not isinstance(given.get("name"), str) or not VALID_NAME(given["name"]):
        return "`json_schema.name` must have 1 to 64 of the characters a-z, A-Z, 0-9, _ and -."
    if not is_storable_json(given):
        return NOT_STORABLE
    return f"A schema has at most {MOST_CHARS:,} characters." if len(dumps(given)) > MOST_CHARS else ""
