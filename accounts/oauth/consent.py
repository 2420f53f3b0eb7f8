"""`/oauth/authorize/`: where a user lets an app in (RFC 6749, 4.1; RFC 7636, 8707, 9207).

The form is sent to the address of the request itself, so showing and answering it check the very same parameters.
Consent is asked for each time. Errors go to the app only after client and redirect URI were found right.
"""

import re
from typing import Any, NoReturn
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import SuspiciousOperation
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.errors import SessionEnded
from accounts.models import User
from accounts.models.session import SESSION_KEY
from accounts.oauth import grants, limits, parameters
from accounts.oauth.errors import OAuthRefusal, json_answer
from accounts.oauth.scopes import SCOPES, api_resource, known_resource
from accounts.pages.base import keep_next, page_user, pop_next
from accounts.security.network import client_info
from accounts.services.sessions import lock_session
from common.content_security_policy import FORM_LEADS_ELSEWHERE
from common.errors import ParleyError
from common.view_options import view_options

NEEDED = ("client_id", "redirect_uri")
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # a SHA-256 in base64url


class ToApp(HttpResponseRedirect):
    """Leads to a redirect URI that was found right, whatever its scheme."""

    def __init__(self, address: str) -> None:
        self.allowed_schemes = [urlsplit(address).scheme]
        super().__init__(address)


class SentBack(Exception):
    """An error that the app is told, at its redirect URI."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error, self.description = error, description


@view_options(
    refusal_response=json_answer, any_query=True, content_security_policy=FORM_LEADS_ELSEWHERE,
    max_body="MAX_OAUTH_BODY_BYTES",
)  # fmt: skip
@require_http_methods(["GET", "HEAD", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Show the request to a signed-in user, and send the answer back with `state` and `iss`."""
    try:
        limits.count_request(settings.OAUTH_AUTHORIZE_PER_MINUTE, "authorize", client_info(request).network)
        return _authorize(request)
    except SentBack as refusal:
        return _send_back(request, error=refusal.error, error_description=refusal.description)
    except ParleyError as refusal:
        return _refuse(request, refusal)
    except SuspiciousOperation:  # more parameters than Django reads
        return _refuse(request, OAuthRefusal())


def _authorize(request: HttpRequest) -> HttpResponse:
    scopes, wanted = _checked(request)
    if not isinstance(request.user, User):
        return redirect_to_login(request.get_full_path(), reverse("page-sign-in"))
    try:
        grants.require_may_grant(request.user)
    except ParleyError:
        keep_next(request, request.get_full_path())  # for the link in the mail that the refusal offers
        raise
    if request.method != "POST":
        return _ask(request, scopes, wanted)
    pop_next(request)  # here they are
    if request.POST.get("answer") != "allow":
        raise SentBack("access_denied", "The user said no.")
    return _grant(request, scopes, wanted)


def _checked(request: HttpRequest) -> tuple[list[str], dict[str, Any]]:
    """Return scopes and credentials of a request that may be asked about."""
    from oauth2_provider.exceptions import FatalClientError, OAuthToolkitError

    parameters.require_sane(request.GET)
    # Without PKCE, `state` is all that keeps a stranger's code out of a user's app (RFC 9700, 2.1).
    needed = NEEDED if request.GET.get("code_challenge") else (*NEEDED, "state")
    missing = [name for name in needed if not request.GET.get(name)]
    if missing:
        raise OAuthRefusal(f"The app's request lacks {', '.join(missing)}.")
    try:
        scopes, wanted = _core().validate_authorization_request(request)
    except FatalClientError as error:
        raise OAuthRefusal(_why(error)) from error
    except OAuthToolkitError as error:
        failure = error.oauthlib_error
        raise SentBack(failure.error, failure.description or "") from error
    _check_extensions(request)
    return list(scopes), {**wanted, "resource": _resources(request)}


def _why(error: Any) -> str:
    about = error.oauthlib_error.error
    if about == "invalid_request" and "redirect" in (error.oauthlib_error.description or "").lower():
        return "The address that the app wants you sent back to is not registered for it."
    return (
        "The app is not known here." if "client" in about or "client_id" in str(error) else "The request is malformed."
    )


def _check_extensions(request: HttpRequest) -> None:
    """Raise SentBack for what oauthlib lets pass and we do not offer."""
    given = request.GET
    if given.get("response_type") != "code":
        raise SentBack("unsupported_response_type", "Only the response type code is offered.")
    if given.get("response_mode", "query") not in ("query", ""):
        raise SentBack("invalid_request", "Only the response mode query is offered.")
    challenge, method = given.get("code_challenge", ""), given.get("code_challenge_method", "")
    if method and not challenge:
        raise SentBack("invalid_request", "The code_challenge is missing.")
    if challenge and (method != "S256" or not CHALLENGE.fullmatch(challenge)):
        raise SentBack("invalid_request", "Only code_challenge_method S256 is offered.")


def _resources(request: HttpRequest) -> list[str]:
    """Return what the tokens will be good for: the REST API where nothing is asked for (RFC 8707, 2)."""
    known = [known_resource(text) for text in request.GET.getlist("resource") if text]
    if None in known:
        raise SentBack("invalid_target", "This is none of our resources.")
    return list(dict.fromkeys(resource for resource in known if resource)) or [api_resource()]


def _ask(request: HttpRequest, scopes: list[str], wanted: dict[str, Any]) -> HttpResponse:
    application, target = wanted["request"].client, urlsplit(wanted["redirect_uri"])
    context = {
        "name": application.name or application.client_id,
        "host": target.netloc or target.scheme,
        "scopes": [SCOPES[scope] for scope in scopes],
        "address": request.get_full_path(),
    }
    return render(request, "oauth/consent.html", context)


@transaction.atomic
def _grant(request: HttpRequest, scopes: list[str], wanted: dict[str, Any]) -> HttpResponse:
    try:
        lock_session(page_user(request), UUID(request.session[SESSION_KEY]))
    except SessionEnded:
        return redirect_to_login(request.get_full_path(), reverse("page-sign-in"))
    from oauth2_provider.exceptions import OAuthToolkitError

    try:
        address, *_ = _core().create_authorization_response(request, scopes, wanted, allow=True)
    except OAuthToolkitError as error:
        _raise(error)
    return ToApp(address)


def _raise(error: Any) -> NoReturn:
    raise SentBack(error.oauthlib_error.error, error.oauthlib_error.description or "") from error


def _send_back(request: HttpRequest, **answer: str) -> HttpResponse:
    """Redirect to the URI that was found right; a query that it has survives."""
    from oauthlib.common import add_params_to_uri

    answer |= {"state": request.GET.get("state", ""), "iss": api_resource()}
    answer = {name: value for name, value in answer.items() if value}
    return ToApp(add_params_to_uri(request.GET["redirect_uri"], list(answer.items())))


def _refuse(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    """Say on a page of ours what is wrong; nobody is sent anywhere."""
    response = render(request, "oauth/refused.html", {"refusal": refusal}, status=refusal.status)
    if refusal.retry_after is not None:
        response["Retry-After"] = str(int(refusal.retry_after) + 1)
    return response


def _core() -> Any:
    from oauth2_provider.oauth2_backends import get_oauthlib_core

    return get_oauthlib_core()
