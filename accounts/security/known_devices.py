"""Devices that have signed in to an account before, known by a signed cookie (OWASP's "device cookies").

The cookie opens nothing. It only keeps its device apart when wrong passwords are counted, so that guessers, who share
what an account has left of them, never lock it out.
"""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.http.response import HttpResponseBase

from accounts.normalise import email_key
from accounts.security.network import ClientInfo

LIFETIME = timedelta(days=400)  # the longest that browsers keep a cookie


def account_key(email: str) -> str:
    """Return what stands for an account in counters, whether there is one or not."""
    return hashlib.sha256(email_key(email).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def remember_device(response: HttpResponseBase, email: str) -> None:
    """Make the client that gets this response a known device of an account, beside others that it is known to."""
    response.set_cookie(
        _cookie(email),
        _signer(email).sign(secrets.token_urlsafe(12)),
        max_age=LIFETIME,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def known_device(client: ClientInfo, email: str) -> str:
    """Return the name of a device that has signed in to this account; nothing for another."""
    try:
        return _signer(email).unsign(client.cookies.get(_cookie(email), ""), max_age=LIFETIME)
    except BadSignature:
        return ""


def _cookie(email: str) -> str:
    return f"{settings.DEVICE_COOKIE}-{account_key(email)[:8]}"


def _signer(email: str) -> TimestampSigner:
    return TimestampSigner(salt=f"parley.known-device.{account_key(email)}")
