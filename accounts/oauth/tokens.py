"""Tokens. Only their hashes are stored; those of a refresh are computed from the refresh token that is used up.

So a successor whose answer got lost can be computed again inside the grace, like that of a session
(`accounts.security.refresh_tokens`).
"""

import base64
import hashlib
import hmac
import secrets
from typing import Any

from django.conf import settings

from accounts.oauth.resource_server import ACCESS_PREFIX

REFRESH_PREFIX = "parley-rt-"


def access_token(request: Any) -> str:
    """Return the access token of a token request (an oauthlib Request)."""
    return ACCESS_PREFIX + _body(request, "access")


def refresh_token(request: Any) -> str:
    """Return the refresh token that goes with it."""
    return REFRESH_PREFIX + _body(request, "refresh")


def _body(request: Any, kind: str) -> str:
    if request.grant_type != "refresh_token":
        return secrets.token_urlsafe(32)
    key = hashlib.sha256(b"parley.oauth-token" + settings.SECRET_KEY.encode()).digest()
    used_up = f"{kind}.{request.refresh_token}".encode()
    return base64.urlsafe_b64encode(hmac.digest(key, used_up, "sha256")).decode().rstrip("=")
