"""The family of refusals: raised in the product's words, mapped to HTTP in one place (`common.problems`)."""

from collections.abc import Mapping
from typing import Any


class ParleyError(Exception):
    """A refusal with a machine-readable code; `detail` is shown to the user."""

    status = 400
    code = "bad_request"
    title = "The request cannot be carried out."

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Mapping[str, list[str]] | None = None,
        retry_after: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.errors = dict(errors) if errors else {"details": [detail or self.title]}
        self.retry_after = retry_after
        self.extra = dict(extra or {})

    @property
    def detail(self) -> str:
        return str(self)


class Invalid(ParleyError):
    """A value is missing or wrong; `errors` maps the field to what is wrong with it."""

    code, title = "invalid", "The request has invalid values."


class NotJson(ParleyError):
    code, title = "not_json", "The body is not valid JSON."


class NotSignedIn(ParleyError):
    status, code, title = 401, "not_signed_in", "Sign in first: send a valid access token."


class NotAllowed(ParleyError):
    status, code, title = 403, "not_allowed", "This is not allowed."


class NotFound(ParleyError):
    """What does not exist, or is not yours: the two are never told apart."""

    status, code, title = 404, "not_found", "There is nothing here."


class MethodNotAllowed(ParleyError):
    status, code, title = 405, "method_not_allowed", "This address does not take that method."


class Conflict(ParleyError):
    status, code, title = 409, "conflict", "This conflicts with the present state."


class BodyTooLarge(ParleyError):
    status, code, title = 413, "body_too_large", "The body of the request is too large."


class UnsupportedType(ParleyError):
    status, code, title = 415, "unsupported_media_type", "Send the body as application/json."


class TooManyRequests(ParleyError):
    status, code, title = 429, "too_many_requests", "Too many requests; try again later."


class Unavailable(ParleyError):
    status, code, title = 503, "unavailable", "The service cannot do this at the moment; try again."
