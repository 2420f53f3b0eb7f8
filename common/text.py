"""Text from strangers: what no database stores of it is refused, in one place."""

import re

UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # NUL, and halves of surrogate pairs
NOT_STORABLE = "NUL and unpaired surrogates are not allowed."


def is_storable(text: str) -> bool:
    """Tell whether every database, and every encoder of JSON, takes a text."""
    return UNSTORABLE.search(text) is None
