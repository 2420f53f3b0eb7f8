"""The apps: which are known, how they prove who they are, and which need no PKCE."""

import base64
import binascii
import hmac
import re
from typing import Any
from urllib.parse import unquote_plus

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.http import HttpRequest

from accounts.models.tokens import hash_of
from accounts.oauth.errors import OAuthRefusal, UnknownClient
from accounts.oauth.limits import count_secret, secret_was_right
from accounts.security.network import client_info

CLIENT_ID_CHARS = 255
GPT_ID = re.compile(r"g-[A-Za-z0-9]{1,80}")
GPT_HOSTS = ("chatgpt.com", "chat.openai.com")  # both are met in practice
_GPT_CALLBACK = re.compile(rf"https://(?:{'|'.join(map(re.escape, GPT_HOSTS))})/aip/{GPT_ID.pattern}/oauth/callback")
_MOST_VERIFIED = 1000
_verified: dict[str, str] = {}  # hash of the stored kind -> SHA-256 of the secret that was found to fit it


def gpt_callbacks(gpt_id: str) -> list[str]:
    """Return the redirect URIs of a GPT's action."""
    return [f"https://{host}/aip/{gpt_id}/oauth/callback" for host in GPT_HOSTS]


def needs_pkce(application: Any) -> bool:
    """Tell whether a client must send an S256 challenge: all but the actions of GPTs, which cannot.

    Those are confidential clients that are sent back to a GPT's callback and nowhere else.
    """
    addresses = application.redirect_uris.split()
    is_action = bool(addresses) and all(_GPT_CALLBACK.fullmatch(address) for address in addresses)
    return not (is_action and application.client_type == application.CLIENT_CONFIDENTIAL)


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
    application = load(client_id)
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


def is_verified(secret: str, stored: str) -> bool:
    """Tell whether this secret has been found right before; 2 µs instead of a password hash's 240 ms."""
    return hmac.compare_digest(_verified.get(stored, ""), hash_of(secret))


def secret_matches(secret: str, stored: str) -> bool:
    """Compare a secret with the stored hash. Secrets are random and long, so their SHA-256 may stay in memory."""
    if is_verified(secret, stored):
        return True
    if not secret or not check_password(secret, stored):
        return False
    if len(_verified) >= _MOST_VERIFIED:
        _verified.clear()
    _verified[stored] = hash_of(secret)
    return True


def load(client_id: str) -> Any:
    """Return the application of an id, or None; may fetch its document, if it is known by one."""
    from oauthlib.common import Request

    from accounts.oauth.validator import Validator

    return Validator()._load_application(client_id, Request("", body="")) if client_id else None
