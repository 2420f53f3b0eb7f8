"""Markdown as it grows: which of its blocks are closed, so that no later text can change them."""

import re
from dataclasses import dataclass
from hashlib import blake2b

import cmarkgfm
from cmarkgfm.cmark import Options

from chats.markdown import EXTENSIONS, as_text, to_html
from chats.pages.rendering.code_blocks import decorate_code

_BLOCK = re.compile(r'<[a-z0-9]+ data-sourcepos="(\d+):\d+-(\d+):\d+"')
_LINE_END = re.compile(r"\r\n|\r|\n")


def split_closed(text: str) -> tuple[str, str]:
    """Cut Markdown into its closed blocks and the rest.

    Of the lines that are complete, only the last top-level block can still change: CommonMark's blocks are decided line
    by line, and a new block closes those before it.
    """
    complete = text.rfind("\n") + 1
    line = _last_block_line(text[:complete]) if complete else 1
    ends = [match.end() for _, match in zip(range(line - 1), _LINE_END.finditer(text), strict=False)]
    return (text[: ends[-1]], text[ends[-1] :]) if ends else ("", text)


def _last_block_line(text: str) -> int:
    """Return the line on which the last top-level block starts."""
    html = cmarkgfm.markdown_to_html_with_extensions(as_text(text), Options.CMARK_OPT_SOURCEPOS, EXTENSIONS)
    start, end = 1, 0
    for found in _BLOCK.finditer(html):
        first, last = int(found[1]), int(found[2])
        if first > end:
            start, end = first, max(first, last)
    return start


@dataclass(slots=True)
class GrowingText:
    """The text of a running reply, rendered block by block; remembers only what is still open."""

    open: str = ""
    _rendered: "blake2b" = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self._rendered = blake2b()

    def grow(self, text: str) -> str:
        """Add text; return the HTML of the blocks that it closed."""
        closed, self.open = split_closed(self.open + text)
        return self._render(closed)

    def finish(self) -> str:
        """Close what is open and return its HTML."""
        closed, self.open = self.open, ""
        return self._render(closed)

    def open_html(self) -> str:
        """Return the HTML of the open block, which the next text may change."""
        return to_html(self.open)

    def adds_up_to(self, text: str) -> bool:
        """Tell whether the blocks, one by one, look like the whole (a late link definition can make a difference)."""
        return self._rendered.digest() == blake2b(to_html(text).encode()).digest()

    def _render(self, closed: str) -> str:
        if not closed:
            return ""
        html = to_html(closed)
        self._rendered.update(html.encode())
        return decorate_code(html)
