"""Refusals as JSON-RPC errors, with the HTTP status that they have on every other door."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.oauth.resource_server import InsufficientScope, bearer_token, challenge, mcp_resource
from common.errors import BodyTooLarge, Invalid, MethodNotAllowed, NotJson, NotSignedIn, ParleyError, UnsupportedType
from common.problems import headers_of, suppress_request_log
from common.views import json_response

PARSE_ERROR, INVALID_REQUEST, INTERNAL_ERROR = -32700, -32600, -32603
REFUSED = -32010  # -32000 to -32019 are for implementations; the first three of them have been used by others
_MALFORMED = (Invalid, BodyTooLarge, UnsupportedType, MethodNotAllowed)


def rpc_refusal(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    """Answer a refusal; `data.code` names it, `id` is that of the call where one was read."""
    code = INTERNAL_ERROR if refusal.status == 500 else _code_of(refusal)
    data = {"code": refusal.code, "correlation_id": getattr(request, "correlation_id", "")}
    error = {"code": code, "message": refusal.detail, "data": data}
    body = {"jsonrpc": "2.0", "id": getattr(request, "rpc_id", None), "error": error}
    response = json_response(body, refusal.status, headers_of(refusal) | _challenge(request, refusal))
    return suppress_request_log(response)


def _code_of(refusal: ParleyError) -> int:
    if isinstance(refusal, NotJson):
        return PARSE_ERROR
    return INVALID_REQUEST if isinstance(refusal, _MALFORMED) else REFUSED


def _challenge(request: HttpRequest, refusal: ParleyError) -> dict[str, str]:
    """Tell a client where to get a token (RFC 9728), or which scope it lacks."""
    if isinstance(refusal, InsufficientScope):
        return {"WWW-Authenticate": challenge(mcp_resource(), refusal.code, refusal.scope)}
    if refusal.status != NotSignedIn.status:
        return {}
    sent: Any = bearer_token(request.META.get("HTTP_AUTHORIZATION", ""))
    return {"WWW-Authenticate": challenge(mcp_resource(), "invalid_token" if sent else "")}
