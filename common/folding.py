"""Text as it is compared: without regard to case, accents and Unicode form, alike on every database."""

import re
import unicodedata
from functools import cache

VOICED = "\u3099\u309a"  # they make another kana of the one before: no accents
PLAIN, ANY = 0x10000, 0x1F000  # where the tables of marks end: a long one makes every character dear


def folded(text: str) -> str:
    """Return text for comparing. What is equal to a reader without a sharp eye is equal here: `Äpfel` and `apfel`."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    marks = any_mark(PLAIN if max(decomposed) < chr(PLAIN) else ANY)
    # Once more, since compatibility forms bring capitals; then back to whole kana and syllables of Hangul.
    return unicodedata.normalize("NFC", re.sub(marks, "", decomposed).casefold())


@cache
def any_mark(end: int = ANY) -> str:
    """Return an expression for one of the marks below a code point: accents, vowel signs, variation selectors."""
    found: list[list[int]] = []
    for code in range(0x300, end):
        if unicodedata.category(chr(code))[0] == "M" and chr(code) not in VOICED:
            if found and found[-1][1] == code - 1:
                found[-1][1] = code
            else:
                found.append([code, code])
    return f"[{''.join(f'{chr(first)}-{chr(last)}' for first, last in found)}]"
