"""What the OpenAPI document says about refusals."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import OpenApiResponse

from common.problems import CONTENT_TYPE
from common.schema import ProblemOutput


def problems(**descriptions: str) -> dict[Any, Any]:
    """Return responses for `extend_schema`: `problems(e401="No session.")`."""
    statuses = {int(name[1:]): text for name, text in descriptions.items()}
    return {
        (status, CONTENT_TYPE): OpenApiResponse(ProblemOutput, text or HTTPStatus(status).phrase)
        for status, text in statuses.items()
    }
