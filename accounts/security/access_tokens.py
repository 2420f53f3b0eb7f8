"""Access tokens: SimpleJWT's, bound to a session."""

from uuid import UUID

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
        token = AccessToken(text)  # type: ignore[arg-type]
        return int(token[USER]), UUID(token[SESSION])
    except (TokenError, KeyError, ValueError, TypeError) as error:
        raise TokenInvalid() from error
