"""How text becomes terms: one function for what is stored and what is asked. Pure functions.

A term is a folded word, or two characters of a script that is written without spaces.
"""

import re
from collections import Counter
from collections.abc import Iterator
from operator import add
from typing import NamedTuple

from common.folding import folded

WORD_CHARS = 60  # of a longer word the beginning counts, in text and query alike
# A tsvector counts positions to 16,383, keeps 256 of one word, and holds a megabyte.
PART_TERMS, PART_CHARS, MOST_ALIKE = 8_000, 100_000, 256
SLICE_CHARS = 4_000
# Han, kana, Hangul; Thai, Lao, Myanmar, Khmer: words are not told apart by spaces there, or have endings all over.
DENSE = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3021-\u3029\u3031-\u318f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"([^\W_{DENSE}]+)|((?:(?=\w)[{DENSE}])+)")
_SLICE = re.compile(rf".{{1,{SLICE_CHARS}}}(?:(?=\s)|\Z)|.{{1,{SLICE_CHARS}}}(?!\w)|.{{1,{SLICE_CHARS}}}", re.DOTALL)


class TextPart(NamedTuple):
    """The terms of a part of a text, which begins at an offset in code points."""

    at: int
    terms: list[str]


def words_of(text: str) -> list[tuple[str, str]]:
    """Return the folded words in order, each as one of (word, dense): of spaced script, or a run of dense script."""
    return _WORD.findall(folded(text))


def terms_of(text: str) -> list[str]:
    """Return the terms of a text. The last character of a dense run stands alone, too, so that it can be found."""
    terms: list[str] = []
    for word, dense in words_of(text):
        if word:
            terms.append(word[:WORD_CHARS])
        else:
            terms += pairs_of(dense)
            terms.append(dense[-1])
    return terms


def pairs_of(dense: str) -> list[str]:
    return list(map(add, dense, dense[1:]))


def parts_of(text: str) -> Iterator[TextPart]:
    """Yield the parts of a text: one, unless it is long. No phrase is found across their borders."""
    part, chars = TextPart(0, []), 0
    for at, piece in slices_of(text):
        terms = terms_of(piece)
        more = sum(map(len, terms))
        if part.terms and (chars + more > PART_CHARS or _is_too_much(part.terms + terms)):
            yield part
            part, chars = TextPart(at, []), 0
        part.terms.extend(terms)
        chars += more
    if part.terms:
        yield part


def _is_too_much(terms: list[str]) -> bool:
    return len(terms) > PART_TERMS or (len(terms) > MOST_ALIKE and max(Counter(terms).values()) > MOST_ALIKE)


def slices_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield a text in pieces that are quickly dealt with, each with its offset, cut between words where it has any."""
    return ((found.start(), found[0]) for found in _SLICE.finditer(text))
