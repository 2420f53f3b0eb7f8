"""Text from strangers: what no database stores of it is refused or repaired, in one place."""

import re
from typing import Any

UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # NUL, and halves of surrogate pairs
NOT_STORABLE = "NUL and unpaired surrogates are not allowed."
REPLACEMENT = "\ufffd"


def is_storable(text: str) -> bool:
    """Tell whether every database, and every encoder of JSON, takes a text."""
    return UNSTORABLE.search(text) is None


def repaired(text: str) -> str:
    """Join halves of surrogate pairs; lone ones and NUL become U+FFFD."""
    if is_storable(text):
        return text
    # UTF-16 is where two halves are one character; its decoder replaces the lone ones.
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\0", REPLACEMENT)


def is_storable_json(value: Any) -> bool:
    """Tell whether every text in a JSON value is storable; its depth is bounded where it was parsed."""
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, dict):
        return all(is_storable(name) and is_storable_json(each) for name, each in value.items())
    return not isinstance(value, list) or all(map(is_storable_json, value))
