"""How the words of a note are put in order: titles and tags. Pure functions."""

import re
import unicodedata
from collections.abc import Iterable

MAX_TITLE, MAX_TAG, MAX_TAGS = 200, 40, 20
LOOKED_AT = 10_000  # characters in which a heading is looked for
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_MARKS = re.compile(r"^(?:#{1,6}\s+|>\s*|[*+-]\s+|\d{1,9}[.)]\s+|\[[ xX]\]\s+)+")
_RULE = set("-=*_#|~:. ")
_EMPHASIS = re.compile(r"(\*{1,3}|__|~~)(\S(?:.*?\S)?)\1")
UNTITLED = "Note"


def one_line(text: str) -> str:
    """Return text as one line without control characters."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def title_of(content: str) -> str:
    """Return the content's first heading, else its first line that says something, as plain text."""
    prose = list(_prose(content[:LOOKED_AT]))
    heading = next((line for line in prose if re.match(r"#{1,6}\s", line)), None)
    candidates = ([heading] if heading else []) + prose
    return next((title for line in candidates if (title := _plain(line))), UNTITLED)


def _prose(content: str) -> Iterable[str]:
    """Yield the lines outside of code blocks, at most 400 characters of each."""
    fenced = False
    for line in content.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced and line.strip():
            yield line.strip()[:400]


def _plain(line: str) -> str:
    """Take the marks of Markdown away, and cut at a word."""
    text = _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", _MARKS.sub("", line)))
    text = one_line(text.replace("`", "")).strip("*_#| ")
    if set(text) <= _RULE:
        return ""
    if len(text) <= MAX_TITLE:
        return text
    words = text[: MAX_TITLE - 1].rpartition(" ")[0]
    return f"{words}…" if words else text[:MAX_TITLE].rstrip()


def normal_tags(tags: Iterable[str]) -> list[str]:
    """Return tags in lower case, words joined by "-", without a leading "#", each once, in the order given."""
    found = ("-".join(one_line(unicodedata.normalize("NFKC", tag)).lower().lstrip("# ").split()) for tag in tags)
    return list(dict.fromkeys(tag for tag in found if tag))


def tags_problem(tags: list[str]) -> str:
    """Return what is wrong with tags in their normal form, or nothing."""
    if len(tags) > MAX_TAGS:
        return f"At most {MAX_TAGS} tags."
    return f"A tag has at most {MAX_TAG} characters." if any(len(tag) > MAX_TAG for tag in tags) else ""


def tag_lines(tags: Iterable[str]) -> str:
    """Return tags as they are stored: each between line breaks, so that one can be found whole."""
    lines = "\n".join(tags)
    return f"\n{lines}\n" if lines else ""
