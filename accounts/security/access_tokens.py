"""Access tokens: SimpleJWT's, bound to a session."""

from functools import lru_cache
from uuid import UUID

from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken

from accounts.errors import TokenInvalid

USER, SESSION = "user_id", "sid"


def make_access_token(user_id: int, session_id: UUID) -> str:
    """Return a short-lived token that dies with its session."""
    token = AccessToken()
    token[USER], token[SESSION] = str(user_id), session_id.hex
    return str(token)


def read_access_token(text: str) -> tuple[int, UUID]:
    """Return user and session of a genuine access token: signature, expiry, audience and type are checked."""
    try:
        user, session, expires = _verified(text)
    except (TokenError, KeyError, ValueError, TypeError) as error:
        raise TokenInvalid() from error
    if expires <= timezone.now().timestamp():
        raise TokenInvalid()
    return user, session


@lru_cache(maxsize=4096)
def _verified(text: str) -> tuple[int, UUID, float]:
    """Return user, session and expiry of a genuine token; a signature once found good stays good."""
    token = AccessToken(text)  # type: ignore[arg-type]
    return int(token[USER]), UUID(token[SESSION]), float(token["exp"])
