"""Requests whose address and cookies are text that every database takes."""

from typing import Any
from urllib.parse import parse_qsl

from django.core.handlers.asgi import ASGIRequest
from django.utils.functional import cached_property

from common.errors import Invalid, NotFound

NO_TEXT = "NUL and what is no UTF-8 are not allowed."


class TextRequest(ASGIRequest):
    """A damaged cookie is none: who has got one must be able to go on."""

    @cached_property
    def COOKIES(self) -> dict[str, str]:  # type: ignore[override]  # noqa: N802
        return {name: value for name, value in super().COOKIES.items() if _is_text(name) and _is_text(value)}


def require_text(scope: Any) -> None:
    """Raise NotFound for NUL in the path of an ASGI scope; Invalid for NUL, or what is no UTF-8, in its query."""
    query: bytes = scope["query_string"]
    if "\0" in scope["path"]:
        raise NotFound()
    if query.isascii() and b"%00" not in query and b"\0" not in query:
        return
    found = parse_qsl(query.decode("utf-8", "surrogateescape"), keep_blank_values=True)
    bad = {name if _is_text(name) else "query": [NO_TEXT] for name, value in found if not _is_text(name + value)}
    if bad:
        raise Invalid(errors=bad)


def _is_text(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
