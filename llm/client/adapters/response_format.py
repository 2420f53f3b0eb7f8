"""Structured output, asked for as OpenAI's chat completions have it."""

from collections.abc import Mapping
from typing import Any


def schema_of(params: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the schema that an answer is to keep to; None where there is none to keep to."""
    wanted: Mapping[str, Any] = params.get("response_format") or {}
    schema: Mapping[str, Any] | None = (wanted.get("json_schema") or {}).get("schema")
    return schema if wanted.get("type") == "json_schema" else None
