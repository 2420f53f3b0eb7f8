"""JSON from strangers: fast where it is ordinary, and never a crash where it is not.

A parser in C holds every thread of the process, the event loop's among them, until it is done. So nothing is given to
it that takes longer than some milliseconds: no more than so many values at once, and large lists piece by piece.
"""

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from django.conf import settings

from common.errors import BodyTooLarge, NotJson
from common.off_loop import SMALL

MAX_DEPTH = 64
MAX_MARKS = 100_000  # brackets and commas in what is parsed at once
MAX_MARKS_IN_ALL = 1_000_000  # in a body that is parsed in pieces
ESCAPED = 12  # bytes of the longest character: two escapes
_ESCAPE = re.compile(  # a pair of surrogates, one without the other, or anything else
    rb"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[dD][89a-fA-F][\da-fA-F]{2}|.)", re.DOTALL
)
_OPENING, _LIST, _COMMA, _QUOTE, _FILE = b"[{", ord("["), ord(","), b'"', b'"data:'

# Both are matched against a window of the body, since an expression lets no other thread run either.
_TO_MARK = re.compile(rb'(?:[^"\[\]{},]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL).match
_IN_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL).match


def loads(body: bytes) -> Any:
    """Parse a request body; raise `NotJson` for anything that is not JSON, is nested too deep or has too many values.

    Unpaired surrogates, which no parser takes, become NUL: the field that holds one refuses it.
    """
    if len(body) > SMALL or body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        for _ in _marks(body, MAX_MARKS):
            pass
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _loads_with_surrogates(body)


def _loads_with_surrogates(body: bytes) -> Any:
    if b"\\u" not in body:
        raise NotJson()
    try:
        return orjson.loads(_ESCAPE.sub(_repaired, body))
    except orjson.JSONDecodeError as error:
        raise NotJson() from error


def _repaired(escape: re.Match[bytes]) -> bytes:
    return rb"\u0000" if len(escape[0]) == len(r"\ud800") else escape[0]


class Pieces(Sequence[Any]):
    """The elements of a list in a body, each parsed when it is asked for, and checked no sooner."""

    def __init__(self, body: bytes, start: int) -> None:
        self._body, self._bounds = body, array("Q", [start])  # numbers that are freed as one

    def add(self, end: int) -> None:
        """Take the element that ends here; the next one begins after the comma."""
        self._bounds.append(end + 1)

    def close(self, end: int) -> None:
        """Take the last element, unless the list is empty."""
        start = self._bounds[-1]
        if len(self) or end - start > SMALL or self._body[start:end].strip():
            self.add(end)

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __getitem__(self, index: Any) -> Any:
        place = range(len(self))[index]
        start, end = self._bounds[place], self._bounds[place + 1] - 1
        if _is_parsable(end - start):
            return loads(self._body[start:end])
        rest, files = _without_files(self._body[start:end])
        _require_parsable(len(rest))
        return _with_files(loads(rest), files)


def loads_apart(body: bytes, name: str) -> Any:
    """Parse as `loads` does, except that a list which is the member `name` of the outermost object becomes `Pieces`."""
    is_name = re.compile(rb'\s*"%b"\s*:\s*' % name.encode()).fullmatch
    pieces: Pieces | None = None
    within, before, kept, rest = False, -1, 0, list[tuple[int, int]]()
    for at, depth in _marks(body, MAX_MARKS_IN_ALL):
        mark = body[at]
        if depth == 2 and mark == _LIST and at - before < SMALL and is_name(body, before + 1, at):
            pieces, within = Pieces(body, at + 1), True
            rest.append((kept, at + 1))
        elif within and pieces is not None and depth == 2 and mark == _COMMA:
            pieces.add(at)
        elif within and pieces is not None and depth == 1:
            pieces.close(at)
            within, kept = False, at
        before = at
    rest.append((kept, len(body)))
    _require_parsable(sum(end - start for start, end in rest))
    value = loads(b"".join(body[start:end] for start, end in rest))
    return value if pieces is None else value | {name: pieces}


def _is_parsable(size: int) -> bool:
    """Tell whether the longest message may need so much to be parsed at once."""
    return size <= ESCAPED * settings.MAX_MESSAGE_CHARS + 2**20


def _require_parsable(size: int) -> None:
    if not _is_parsable(size):
        raise BodyTooLarge("One of the values in the body is too large.")


def _without_files(body: bytes) -> tuple[bytes, dict[str, str]]:
    """Cut out `data:` URLs, which need no parser as long as nothing in them is escaped; return what stands for them."""
    rest, files, kept, at = list[bytes](), dict[str, str](), 0, 0
    while (start := body.find(_FILE, at)) >= 0:
        at = start + len(_FILE)
        end = body.find(_QUOTE, at)
        url = body[start + 1 : end] if end > 0 else b""
        if len(url) > SMALL and body[start - 1 : start] != b"\\" and b"\\" not in url and url.isascii():
            name = f"\0{len(files)}"  # NUL is refused in all texts
            files[name] = url.decode("ascii")
            rest += [body[kept:start], orjson.dumps(name)]
            kept = at = end + 1
    return b"".join([*rest, body[kept:]]), files


def _with_files(value: Any, files: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return files.get(value, value)
    if isinstance(value, list):
        return [_with_files(each, files) for each in value]
    if isinstance(value, dict):
        return {name: _with_files(each, files) for name, each in value.items()}
    return value


def _marks(body: bytes, most: int) -> Iterator[tuple[int, int]]:
    """Yield where brackets and commas stand outside of texts, with the depth after each; raise `NotJson`."""
    at = depth = count = 0
    while at < len(body):
        at = _TO_MARK(body, at, at + SMALL).end()  # type: ignore[union-attr]
        mark = body[at : at + 1]
        if mark == _QUOTE:
            at = _end_of_text(body, at + 1)
        elif mark and mark in b"[]{},":
            if mark != b",":
                depth += 1 if mark in _OPENING else -1
            count += 1
            if depth > MAX_DEPTH:
                raise NotJson(f"The body is nested deeper than {MAX_DEPTH} levels.")
            if count > most:
                raise NotJson("The body has too many values.")
            yield at, depth
            at += 1


def _end_of_text(body: bytes, at: int) -> int:
    while (stop := _IN_TEXT(body, at, at + SMALL).end()) > at:  # type: ignore[union-attr]
        at = stop
    if body[at : at + 1] != _QUOTE:
        raise NotJson()
    return at + 1


def dumps(value: Any) -> bytes:
    """Serialise our own data: UTC instants as `...Z`, UUIDs as text."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)
