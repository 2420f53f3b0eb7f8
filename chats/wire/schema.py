"""Pieces of the OpenAPI document that several doors share."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from common.schema import ProblemOutput

_CODES = {
    400: "a value is missing or wrong",
    401: "not signed in",
    403: "not allowed",
    404: "not found, or not yours",
    413: "the body is too large",
    415: "the body is not application/json",
    429: "too many requests, or the quota is used up",
    503: "unavailable at the moment",
}
PROBLEMS: dict[Any, Any] = {
    (status, "application/problem+json"): OpenApiResponse(ProblemOutput, description=text)
    for status, text in _CODES.items()
}
TURN_PROBLEMS: dict[Any, Any] = {
    **PROBLEMS,
    **{
        (status, "application/problem+json"): OpenApiResponse(ProblemOutput, description=text)
        for status, text in {
            409: "a reply is being made in this chat",
            422: "blocked, or the idempotency key was used for something else",
            502: "the model failed before any text",
            504: "the model gave no text in time",
        }.items()
    },
}
EVENT_STREAM = OpenApiResponse(
    OpenApiTypes.STR,
    description="Server-sent events `start`, `delta`, `tool_input`, `waiting` and `end`; "
    "`id` is the cursor (docs/api.md).",
)
LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID", str, OpenApiParameter.HEADER, description="id of the last event seen; wins over `after`"
)


def paginated(item: type[serializers.Serializer[Any]]) -> Any:
    """Return the schema of a cursor page."""
    return inline_serializer(
        item.__name__.replace("Output", "Page"),
        {
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": item(many=True),
        },
    )
