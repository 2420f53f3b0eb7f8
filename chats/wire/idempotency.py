"""The `Idempotency-Key` header: repeating a POST that starts a turn gives the same turn."""

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter

from common.errors import Invalid

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="1 to 255 characters; makes the call repeatable for 24 h",
)


def idempotency_key(request: HttpRequest) -> str:
    """Return the key of a request, or nothing; raise Invalid for an empty or overlong one."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not 1 <= len(key) <= 255 or not key.isprintable():
        raise Invalid(errors={"Idempotency-Key": ["Send 1 to 255 printable characters."]})
    return key
