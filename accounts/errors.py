"""What accounts refuse, and how it is called."""

from common.errors import Invalid, NotAllowed, NotSignedIn, ParleyError, TooManyRequests


class TokenInvalid(NotSignedIn):
    code, title = "token_invalid", "The access token is invalid or has expired."


class SessionEnded(NotSignedIn):
    code, title = "session_ended", "This session has ended; sign in again."


class KeyInvalid(NotSignedIn):
    code, title = "invalid_api_key", "This API key is unknown, revoked or expired."


class ScopeMissing(NotAllowed):
    code, title = "insufficient_scope", "This key was not made for that."


class RefreshInvalid(NotSignedIn):
    code, title = "refresh_invalid", "There is no session to refresh; sign in again."


class InvalidCredentials(NotSignedIn):
    code, title = "invalid_credentials", "Wrong e-mail address or password."


class EmailNotConfirmed(NotAllowed):
    code, title = "email_not_confirmed", "Confirm your e-mail address first."


class OriginRefused(NotAllowed):
    code, title = "origin_refused", "Requests from this origin are not accepted."


class InvalidToken(ParleyError):
    code, title = "invalid_token", "This link is not valid any more; ask for a new one."


class WrongPassword(Invalid):
    """A signed-in user mistyped the password; not a 401, because the session is fine."""

    code, title = "invalid_credentials", "The password is wrong."

    def __init__(self, field: str) -> None:
        super().__init__(self.title, errors={field: [self.title]})


class TooManyAttempts(TooManyRequests):
    code, title = "too_many_attempts", "Too many attempts; try again later."
