"""Refusals in the words of RFC 6749, and the JSON that says them."""

import math

from django.http import HttpRequest, HttpResponse

from common.errors import ParleyError
from common.json import dumps

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
BASIC = 'Basic realm="oauth"'


class OAuthRefusal(ParleyError):
    """`code` is the `error` of RFC 6749, 4.1.2.1 and 5.2."""

    code, title = "invalid_request", "The request is incomplete or malformed."


class UnknownClient(OAuthRefusal):
    status, code, title = 401, "invalid_client", "The app is unknown, or its secret is wrong."


class NotForm(OAuthRefusal):
    title = "Send the parameters as application/x-www-form-urlencoded in the body, and nowhere else."


class MayNotGrant(OAuthRefusal):
    status, code, title = (
        403,
        "access_denied",
        "This account may not connect apps yet: confirm its e-mail address first.",
    )


def json_answer(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    """Answer a refusal as RFC 6749, 5.2 has it; refusals of elsewhere get the nearest of its words."""
    error = refusal.code if isinstance(refusal, OAuthRefusal) else _word_for(refusal.status)
    body = dumps({"error": error, "error_description": refusal.detail})
    response = HttpResponse(body, status=refusal.status, content_type="application/json", headers=NO_STORE)
    if refusal.retry_after is not None:
        response["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
    return challenged(request, response)


def challenged(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Name the scheme on a 401, and no other than the client can use here."""
    if response.status_code == UnknownClient.status:
        response["WWW-Authenticate"] = BASIC
    return response


def _word_for(status: int) -> str:
    if status >= 500:
        return "server_error" if status == 500 else "temporarily_unavailable"
    return "temporarily_unavailable" if status == 429 else "invalid_request"
