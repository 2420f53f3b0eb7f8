"""Text cut where a reader sees the end of a character, which may consist of many code points (UAX 29, roughly)."""

import unicodedata

ZWJ = "\u200d"
VIRAMA = 9  # combining class: what joins the letters around it


def first_characters(text: str, most: int) -> str:
    """Return the beginning of a text, at most so many code points; a character that is longer is cut even so."""
    if len(text) <= most:
        return text
    end = most
    while end and not _may_cut(text, end):
        end -= 1
    return text[: end or most]


def _may_cut(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if _extends(after) or unicodedata.combining(before) == VIRAMA:
        return False
    if before == ZWJ and unicodedata.category(after) == "So":  # pictures that make one
        return False
    if _is_leading_jamo(before) and _is_leading_jamo(after):
        return False
    return not (_is_flag_letter(after) and _flag_letters_before(text, at) % 2)


def _extends(char: str) -> bool:
    """Tell whether a code point belongs to the one before: marks, joiners, skin tones, tags, vowels of Hangul."""
    return (
        unicodedata.category(char) in ("Mn", "Mc", "Me")
        or char in "\u200c\u200d\uff9e\uff9f"
        or "\u1160" <= char <= "\u11ff"
        or "\ud7b0" <= char <= "\ud7fb"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
    )


def _is_leading_jamo(char: str) -> bool:
    return "\u1100" <= char <= "\u115f" or "\ua960" <= char <= "\ua97c"


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flag_letters_before(text: str, at: int) -> int:
    start = at
    while start and _is_flag_letter(text[start - 1]):
        start -= 1
    return at - start
