"""Languages and regions as people and browsers name them: BCP 47 (RFC 5646)."""

import re
from contextlib import suppress

from django.core.exceptions import ValidationError
from django.utils.translation.trans_real import parse_accept_lang_header

LOCALE_CHARS = 35  # RFC 5646, 4.4.1: enough for all tags in use
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})"
    r"(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
    r"(?P<extensions>(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?)",
    re.ASCII,
)


def canonical_locale(tag: str) -> str:
    """Return a well-formed tag as it is usually written, `zh-Hant-TW`; raise ValidationError for any other text."""
    found = _TAG.fullmatch(tag.lower()) if tag.isascii() and len(tag) <= LOCALE_CHARS else None
    if found is None:
        raise ValidationError("This is not a language tag of BCP 47, as de or pt-BR are.", code="invalid_locale")
    subtags = [found["language"], (found["script"] or "").title(), (found["region"] or "").upper()]
    return "-".join(filter(None, subtags)) + found["variants"] + found["extensions"]


def validate_locale(tag: str) -> None:
    canonical_locale(tag)


def accepted_locale(header: str) -> str:
    """Return the first language of an `Accept-Language` header that is one, or nothing."""
    with suppress(ValueError):  # far too long
        for tag, _ in parse_accept_lang_header(header):
            with suppress(ValidationError):
                return canonical_locale(tag)
    return ""
