"""Pieces of the OpenAPI document that the addresses of notes share."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from chats.wire.schema import PROBLEMS
from common.schema import ProblemOutput

WRITE_PROBLEMS: dict[Any, Any] = {
    **PROBLEMS,
    (409, "application/problem+json"): OpenApiResponse(
        ProblemOutput, description="there is no room for another note, or the reply is still being made"
    ),
}
