"""Requests whose address and cookies are text that every database takes, and whose forms hold nobody up."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent
from django.core.handlers.asgi import ASGIRequest
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.functional import cached_property

from common.errors import Invalid, NotFound
from common.off_loop import SMALL

FORM = "application/x-www-form-urlencoded"
NO_TEXT = "NUL and what is no UTF-8 are not allowed."


class TextRequest(ASGIRequest):
    """A damaged cookie is none: who has got one must be able to go on."""

    @cached_property
    def COOKIES(self) -> dict[str, str]:  # type: ignore[override]  # noqa: N802
        return {name: value for name, value in super().COOKIES.items() if _is_text(name) and _is_text(value)}

    def _load_post_and_files(self) -> None:
        """Read a large form as Django does, but in pieces: its parser lets no other thread run for up to 50 ms."""
        is_form = self.content_type == FORM and (self.encoding or "utf-8").lower() == "utf-8"
        was_read_by_others = self._read_started and not hasattr(self, "_body")  # type: ignore[attr-defined]
        if self.method != "POST" or not is_form or was_read_by_others or len(self.body) <= SMALL:
            super()._load_post_and_files()
            return
        post = QueryDict(mutable=True, encoding="utf-8")
        for name, value in _fields(self.body):
            post.appendlist(name, value)
        post._mutable = False
        self._post, self._files = post, MultiValueDict[str, Any]()


def _fields(form: bytes) -> Iterator[tuple[str, str]]:
    if form.count(b"&") >= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
        raise TooManyFieldsSent()
    for field in filter(None, form.split(b"&")):
        name, _, value = field.partition(b"=")
        yield _unquoted(name), _unquoted(value)


def _unquoted(text: bytes) -> str:
    """Undo the escapes of a piece at a time; none of them is cut in two."""
    text, at, pieces = text.replace(b"+", b" "), 0, []
    while at < len(text):
        end = at + SMALL
        if (escape := text.rfind(b"%", end - 2, end)) > 0:
            end = escape
        pieces.append(unquote_to_bytes(text[at:end]))
        at = end
    return b"".join(pieces).decode("utf-8", "replace")


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
