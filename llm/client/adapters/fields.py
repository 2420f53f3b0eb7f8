"""Fields of a provider's answer, any of which may be odd: they are repaired or dropped, and no reply is lost by one."""

from collections.abc import Iterator
from typing import Any

import orjson

from common.text import is_storable, repaired

MAX_MODEL = 200  # characters, as of every column for one
MOST_TOKENS = 10**8  # of one call: many times the longest context that there is
MAX_URL, MAX_TITLE = 8192, 500


def count(value: Any) -> int | None:
    """Read a number of tokens, which some write as a float or in quotes; None for what cannot be one."""
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) < 20 else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TOKENS:
        return None
    return int(value) if value == int(value) else None


def position(value: Any) -> int | None:
    """Read the number of something in a list; None for what is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:20])
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def label(value: Any, most: int) -> str:
    """Read an id, a name or a title: as storable text, cut to `most` characters; nothing where it is no text."""
    return repaired(value)[:most] if isinstance(value, str) else ""


def model_name(value: Any, known: str) -> str:
    """Read which model says that it answers; the `known` one where no column holds its name."""
    name = repaired(value).strip() if isinstance(value, str) else ""
    return name if 0 < len(name) <= MAX_MODEL else known


def address(value: Any) -> str:
    """Read an address that a browser may safely open; a repaired one would be another."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or len(value) > MAX_URL:
        return ""
    return value if is_storable(value) else ""


def members(value: Any) -> dict[str, Any]:
    """Read an object; an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list, or the one that stands in its place."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict) and each:
            yield each


def first(value: Any) -> dict[str, Any] | None:
    """Return the first of `objects`."""
    return next(objects(value), None)


def opaque(value: Any) -> Any:
    """Read what goes back unchanged; None where it could not be sent."""
    try:
        orjson.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return None
    return value


def text_or_nothing(value: Any) -> str:
    """Read a field that holds text or nothing."""
    return value if isinstance(value, str) else ""
