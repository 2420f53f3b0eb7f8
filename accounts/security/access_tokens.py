"""Access tokens: SimpleJWT's, bound to a session."""

import re
from functools import lru_cache
from uuid import UUID

from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken

from accounts.errors import TokenInvalid

USER, SESSION = "user_id", "sid"
_USER_ID = re.compile(r"[1-9][0-9]{0,17}")


def make_access_token(user_id: int, session_id: UUID) -> str:
    """Return a short-lived token that dies with its session."""
    token = AccessToken()
    token[USER], token[SESSION] = str(user_id), session_id.hex
    return str(token)


def read_access_token(text: str) -> tuple[int, UUID]:
    """Return user and session of a genuine access token: signature, expiry, audience and type are checked.

    Expiry without leeway: what `LEEWAY` forgives is an issuer whose clock is ahead.
    """
    try:
        user, session, expires = _verified(text)
    except (TokenError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise TokenInvalid() from error
    if expires <= timezone.now().timestamp():
        raise TokenInvalid()
    return user, session


@lru_cache(maxsize=4096)
def _verified(text: str) -> tuple[int, UUID, int]:
    """Return user, session and expiry of a genuine token; a signature once found good stays good."""
    token = AccessToken(text)  # type: ignore[arg-type]
    user, session, expires = token[USER], token[SESSION], token["exp"]
    if not (isinstance(user, str) and _USER_ID.fullmatch(user) and isinstance(session, str) and type(expires) is int):
        raise TypeError
    return int(user), UUID(session), expires
