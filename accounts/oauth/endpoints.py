"""What apps call themselves: `/oauth/token/` and `/oauth/revoke/` (RFC 6749, RFC 7009)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from accounts.oauth import limits, parameters
from accounts.oauth.client_authentication import authenticate
from accounts.oauth.errors import NO_STORE, challenged, json_answer
from accounts.security.network import client_info
from common.errors import MethodNotAllowed
from common.problems import refusal_of, suppress_request_log
from common.retrying import retry_conflicts
from common.view_options import view_options

View = Callable[[HttpRequest], HttpResponse]


def endpoint(work: View) -> View:
    """Let a POST of a form through, within the limits; whatever goes wrong is answered as RFC 6749 has it."""

    @view_options(refusal_response=json_answer, cors=True, max_body="MAX_OAUTH_BODY_BYTES")
    @csrf_exempt  # no cookie counts here
    @sensitive_post_parameters()
    @wraps(work)
    def view(request: HttpRequest) -> HttpResponse:
        try:
            return work(_admitted(request))
        except Exception as error:
            return suppress_request_log(_refused(request, error))

    return view


def _admitted(request: HttpRequest) -> HttpRequest:
    limits.count_request(settings.OAUTH_TOKENS_PER_MINUTE, "token", client_info(request).network)
    if request.method != "POST":
        raise MethodNotAllowed("Send a POST.")
    parameters.require_form(request)
    return request


def _refused(request: HttpRequest, error: Exception) -> HttpResponse:
    refusal = refusal_of(request, error)
    response = json_answer(request, refusal)
    if isinstance(refusal, MethodNotAllowed):
        response["Allow"] = "POST"
    return response


@endpoint
def token(request: HttpRequest) -> HttpResponse:
    """Exchange a code or refresh token: `{access_token, token_type, expires_in, refresh_token, scope}`."""
    authenticate(request)
    return retry_conflicts(_issue, request)


@endpoint
def revoke(request: HttpRequest) -> HttpResponse:
    """End the grant that a token belongs to; 200 for an unknown one, too."""
    authenticate(request)
    return retry_conflicts(_revoke, request)


@transaction.atomic
def _issue(request: HttpRequest) -> HttpResponse:
    """Answer a token request in one transaction: refusals are answers, so what they end stays ended."""
    _, headers, body, status = _core().create_token_response(request)
    return _answer(request, headers, body, status)


@transaction.atomic
def _revoke(request: HttpRequest) -> HttpResponse:
    _, headers, body, status = _core().create_revocation_response(request)
    return _answer(request, headers, body, status)


def _core() -> Any:
    from oauth2_provider.oauth2_backends import get_oauthlib_core

    return get_oauthlib_core()


def _answer(request: HttpRequest, headers: dict[str, str], body: str, status: int) -> HttpResponse:
    response = HttpResponse(body or "", status=status, content_type="application/json", headers=NO_STORE)
    for name, value in headers.items():
        response[name] = value
    return suppress_request_log(challenged(request, response))
