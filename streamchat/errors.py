"""Refusals of the streamchat app, and what can go wrong between us and Stream."""

from common.errors import NotAllowed, NotFound, ParleyError


class StreamMissing(NotFound):
    code, title = "not_found", "Stream Chat is not set up on this server."


class SignatureInvalid(ParleyError):
    status, code, title = 401, "signature_invalid", "The webhook is not signed with this app's key and secret."


class AskerInactive(NotAllowed):
    code, title = "account_inactive", "This account cannot use the bot."


class StreamError(Exception):
    """A call to Stream failed. `detail` is for the log: statuses and codes, never text."""


class StreamBusy(StreamError):
    """Stream's rate limit: no call of this kind before `wait` seconds have passed."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"rate limit, {wait:.1f} s")
        self.wait = wait


class StreamAway(StreamError):
    """No connection, no answer in time, or a server's failure: the same call may succeed later."""


class StreamRefused(StreamError):
    """Stream will not take this call however often it is made."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"status {status}, code {code}")
        self.status, self.code = status, code
        self.exists_already = "already exists" in message
