"""The piece of a text around what was searched for, from the text as it was written."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from common.folding import VOICED, any_mark, folded
from search.queries import Clause
from search.terms import DENSE, WORD_CHARS, slices_of

LOOKED_AT = 40_000  # characters, some five thousand words, after which it is the beginning
BEFORE, CHARS = 60, 240
# What words of a spaced script are made of, in a text that is all of such, and in any. The second takes milliseconds to
# compile, and few texts want it.
_SPACED, _PLAIN = r"[^\W_]", rf"[^\W_{DENSE}]"
_ANY_DENSE = re.compile(rf"[{DENSE}]")
_BETWEEN = r"[\W_]*"
_SPACE = re.compile(r"\s+")


class SnippetPart(NamedTuple):
    """Some of a snippet, and whether it is what was searched for."""

    text: str
    marked: bool


def snippet_of(text: str, clauses: tuple[Clause, ...]) -> list[SnippetPart]:
    """Return the text around the first word found, on one line; its beginning where none is."""
    wanted = tuple(clause for clause in clauses if clause.words)
    found = _first_marks(text[:LOOKED_AT], wanted) if wanted else []
    start = _start(text, found[0][0]) if found else 0
    end = _end(text, start + CHARS, max([start, *(stop for _, stop in found if stop <= start + CHARS)]))
    parts = list(_cut(text, start, end, found))
    return _trimmed(parts, start > 0, end < len(text))


def _first_marks(text: str, clauses: tuple[Clause, ...]) -> list[tuple[int, int]]:
    """Return where the words of the first slice that has any stand in the text as it was written."""
    for at, piece in slices_of(text):
        whole = folded(piece)
        marker = _marker_of(clauses, _PLAIN if _ANY_DENSE.search(whole) else _SPACED)
        if marker.search(whole):
            plain, places = _folded_with_places(piece)
            return [(at + places[found.start()], at + places[found.end()]) for found in marker.finditer(plain)]
    return []


@lru_cache(maxsize=64)
def _marker_of(clauses: tuple[Clause, ...], letter: str) -> re.Pattern[str]:
    """Return what finds the words of some clauses in folded text, given what their letters are."""
    found = [_expression(clause, letter) for clause in clauses]
    return re.compile("|".join(sorted(found, key=len, reverse=True)))


def _expression(clause: Clause, letter: str) -> str:
    words = [_word_expression(word, dense, letter) for word, dense in clause.words]
    *_, (last, _) = clause.words
    if last and clause.is_prefix:
        words[-1] = rf"(?<!{letter}){re.escape(last[:WORD_CHARS])}{letter}*"
    return _BETWEEN.join(words)


def _word_expression(word: str, dense: str, letter: str) -> str:
    if dense:
        return re.escape(dense)
    more = f"{letter}*" if len(word) > WORD_CHARS else ""
    return rf"(?<!{letter}){re.escape(word[:WORD_CHARS])}{more}(?!{letter})"


def _folded_with_places(text: str) -> tuple[str, Sequence[int]]:
    """Return a text folded bit by bit, and of each character of that, and of the end, where it comes from."""
    if text.isascii():
        return folded(text), range(len(text) + 1)
    plain: list[str] = []
    places: list[int] = []
    for bit in _bits().finditer(text):
        whole = _folded_bit(bit[0])
        plain.append(whole)
        places += [bit.start()] * len(whole)
    return "".join(plain), [*places, len(text)]


@cache
def _bits() -> re.Pattern[str]:
    """Return what finds a character with the marks on it, or a syllable of conjoining Hangul."""
    return re.compile(rf"[\u1100-\u11ff]+|.(?:{any_mark()}|[{VOICED}\uff9e\uff9f])*", re.DOTALL)


@lru_cache(maxsize=4096)
def _folded_bit(text: str) -> str:
    return folded(text)


def _start(text: str, first: int) -> int:
    """Return where a snippet begins: a little before its first word, at one."""
    start = max(0, first - BEFORE)
    space = _SPACE.search(text, start, first) if start else None
    return space.end() if space else start


def _end(text: str, wanted: int, least: int) -> int:
    if wanted >= len(text):
        return len(text)
    space = max(text.rfind(" ", least, wanted), text.rfind("\n", least, wanted))
    return space if space > 0 else wanted


def _cut(text: str, start: int, end: int, found: Iterable[tuple[int, int]]) -> Iterator[SnippetPart]:
    for first, last in found:
        if start <= first < min(last, end):
            yield SnippetPart(text[start:first], False)
            yield SnippetPart(text[first : min(last, end)], True)
            start = min(last, end)
    yield SnippetPart(text[start:end], False)


def _trimmed(parts: list[SnippetPart], is_cut_before: bool, is_cut_after: bool) -> list[SnippetPart]:
    """Put it on one line, say where it was cut, and leave out what is empty."""
    line = [SnippetPart(_SPACE.sub(" ", text), marked) for text, marked in parts]
    line[0] = SnippetPart(("… " if is_cut_before else "") + line[0].text.lstrip(), line[0].marked)
    line[-1] = SnippetPart(line[-1].text.rstrip() + (" …" if is_cut_after else ""), line[-1].marked)
    return [part for part in line if part.text]
