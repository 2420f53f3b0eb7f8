"""Titles made from the first message."""

import re

MAX_WORDS, MAX_CHARS = 5, 80
QUOTES = "\"'`“”„‘’«»"


def title_from(text: str) -> str:
    """Return at most five words of the text, without line breaks or surrounding quotes."""
    words = re.sub(r"\s+", " ", text[:2000]).strip().split(" ")[:MAX_WORDS]
    return " ".join(words)[:MAX_CHARS].strip().strip(QUOTES).strip()
