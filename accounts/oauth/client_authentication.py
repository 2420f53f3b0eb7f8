"""How an app proves at the token and revocation endpoints which client it is (RFC 6749, 2.3)."""

import base64
import binascii
from typing import Any
from urllib.parse import unquote_plus

from django.conf import settings
from django.http import HttpRequest
from oauth2_provider.settings import oauth2_settings
from oauthlib.common import Request

from accounts.oauth.clients import is_verified, secret_matches
from accounts.oauth.errors import OAuthRefusal, UnknownClient
from accounts.oauth.limits import count_secret, secret_was_right
from accounts.security.network import client_info


def basic_credentials(header: str) -> tuple[str, str] | None:
    """Return id and secret of an `Authorization: Basic` header (RFC 6749, 2.3.1); None where there is none.

    Raises UnknownClient for a header of another scheme or one that cannot be read.
    """
    if not header:
        return None
    scheme, _, encoded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        client_id, colon, secret = (
            base64.b64decode(encoded.strip().encode("ascii"), validate=True).decode().partition(":")
        )
    except (ValueError, binascii.Error) as error:
        raise UnknownClient() from error
    if not colon:
        raise UnknownClient()
    return unquote_plus(client_id), unquote_plus(secret)


def authenticate(request: HttpRequest) -> Any:
    """Return the client of a token or revocation request.

    Public clients name themselves and send no secret. Raises UnknownClient, OAuthRefusal where credentials come in
    two ways, TooManyAttempts after too many wrong secrets. Slow (hashing, documents), so before any transaction.
    """
    client_id, secret = _credentials(request)
    application = _load(client_id)
    if application is None:
        raise UnknownClient()
    if application.client_type == application.CLIENT_CONFIDENTIAL:
        _require_secret(application, secret, client_info(request).network)
    elif secret:
        raise UnknownClient("A public client has no secret.")
    return application


def _credentials(request: HttpRequest) -> tuple[str, str]:
    named, secret = request.POST.get("client_id", ""), request.POST.get("client_secret", "")
    basic = basic_credentials(request.META.get("HTTP_AUTHORIZATION", ""))
    if basic is None:
        return named, secret
    if secret or (named and named != basic[0]):
        raise OAuthRefusal("Send the client's credentials in one way: in the header or in the body.")
    return basic


def _require_secret(application: Any, secret: str, network: str) -> None:
    if not secret:
        raise UnknownClient()
    if is_verified(secret, application.client_secret):  # nobody is locked out by others' failures
        return
    failures = settings.OAUTH_SECRET_FAILURES
    count_secret(failures, application.client_id, network)
    if not secret_matches(secret, application.client_secret):
        raise UnknownClient()
    secret_was_right(failures, application.client_id, network)


def _load(client_id: str) -> Any:
    """Return the application of an id, or None; may fetch its document, if it is known by one."""
    validator = oauth2_settings.OAUTH2_VALIDATOR_CLASS()
    return validator._load_application(client_id, Request("", body="")) if client_id else None
