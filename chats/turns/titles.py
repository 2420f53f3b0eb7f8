"""Titles of chats: of the words somebody wrote, and of what a model says when it is asked for one."""

import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from typing import Any

import orjson

from chats.markdown import to_html
from common.graphemes import first_characters
from common.text import repaired

MAX_WORDS, MAX_CHARS = 5, 80
EXCERPT = 2000  # characters of a text that are looked at
LONGEST_LINE = 120  # of an answer that is a title, and no essay
NOTHING_TO_SEE = "…"  # title of a text that has no visible character

SINGLE, DOUBLE = "'`‘’‚‹›", '"“”„«»「」『』'
QUOTES = SINGLE + DOUBLE
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # controls, those of direction among them
_TRAILING = re.compile(r"(?:[.,;:!?…‥‼⁇⁈⁉。、，；：！？．｡､؟،؛।॥~·・–—\-(\[{<]️?|\s)+$")

_THINK = r"(?:seed:)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|scratchpad|analysis)"
_THOUGHT = re.compile(rf"(?:[<\[◁]\|?(?:begin_of_)?{_THINK}\|?[>\]▷]|<\|channel\|>analysis)", re.IGNORECASE)
_AFTER_THOUGHT = re.compile(rf"[<\[◁]\|?(?:/|end_of_){_THINK}\|?[>\]▷]|<\|channel\|>final<\|message\|>", re.IGNORECASE)
_MARKUP = re.compile(r"<\|[^|<>]{0,40}\|>|</?(?:title|answer|output|h[1-6]|b|strong|i|em|p|br) ?/?>", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n(.*?)(?:\n[ \t]*\1|\Z)", re.DOTALL | re.MULTILINE)
_MEMBER = re.compile(r"""["'][^"'\n]*title[^"'\n]*["']\s*:\s*(["'])(.+?)(?<!\\)\1""", re.IGNORECASE)
_WORD = (
    "title|topic|subject|name|heading|titel|titre|t[ií]tulo|titolo|tytuł|název|titulek|cím|titlu|rubrik|overskrift|"
    "otsikko|başlık|tiêu đề|judul|заголовок|название|тема|τίτλος|כותרת|عنوان|शीर्षक|标题|標題|题目|题名|タイトル|"
    "題名|件名|제목"
)
_LABEL = re.compile(
    r"(?:(?:sure|ok(?:ay)?|certainly|of course|here|suggested|proposed|possible|final|chat|conversation|the|a|my)\b"
    rf"[^:：\n]{{0,60}}?)?\b(?:{_WORD})\b(?:\s+(?:for|of)\b[^:：\n]{{0,40}})?(?:\s+is)?\s*(?:[:：=]|\s[-–—]\s)\s*",
    re.IGNORECASE,
)
_LEAD_IN = re.compile(
    rf"(?:sure|ok(?:ay)?|certainly|of course|here)\b.{{0,80}}[:.!]|.{{0,80}}[:：]|(?:{_WORD})", re.IGNORECASE
)
_QUOTED = re.compile(rf"\b(?:{_WORD})\b.*?[\"“„«「](.+?)[\"”“»」]", re.IGNORECASE)


def title_from(text: str) -> str:
    """Return at most five words of a text: no line breaks, no quotes around them, no punctuation at their end.

    Of a text that is nothing else these stay; a title is empty only where the text is.
    """
    words = _UNSEEN.sub(" ", text.lstrip()[:EXCERPT]).split()[:MAX_WORDS]
    while len(words) > 1 and len(" ".join(words)) > MAX_CHARS:
        words.pop()
    title = first_characters(" ".join(words), MAX_CHARS)
    if not _has(title, "LMNPS"):
        return NOTHING_TO_SEE if text else ""
    return _trimmed(title) or title


def title_in(answer: str) -> str:
    """Return the title that a model gives in an answer, whatever it says around it; nothing where it gives none."""
    said = _without_thoughts(repaired(answer)).strip()
    text = _MARKUP.sub("", said[:EXCERPT]).strip()
    if fence := _FENCE.search(text):
        text = fence[2].strip()
    if text.startswith(("{", '["', "[{")):
        text = _title_in_json(text)
    lines = _lines(text)
    if len(lines) > 1 and _LEAD_IN.fullmatch(lines[0]):
        del lines[0]
    if not lines or len(lines[0]) > LONGEST_LINE:
        return ""
    is_open = lines[0][0] in DOUBLE and not any(quote in lines[0][1:] for quote in DOUBLE)
    title = title_from(_unlabelled(" ".join(lines) if is_open else lines[0]))
    return title if _has(title, "LNS") else ""


def begins_with_thoughts(answer: str) -> bool:
    """Tell whether a model thinks aloud before it answers."""
    return bool(_THOUGHT.match(answer.lstrip()))


def _has(text: str, categories: str) -> bool:
    return any(unicodedata.category(char)[0] in categories for char in text)


def _trimmed(title: str) -> str:
    """Take quotes from around a title, and punctuation from its end, within the quotes and behind them."""
    title = _TRAILING.sub("", title)
    if title and title[0] in QUOTES:
        inner = title.strip(QUOTES)
        if not any(quote in inner for quote in DOUBLE):  # or these are several quotations
            title = inner
    return _TRAILING.sub("", title).strip()


def _without_thoughts(text: str) -> str:
    """Return what is said behind the last thought, and before one that has no end."""
    said = _AFTER_THOUGHT.split(text)[-1]
    return _THOUGHT.split(said)[0]


def _title_in_json(text: str) -> str:
    try:
        return next(_texts(orjson.loads(text)), "")
    except orjson.JSONDecodeError:  # cut off, or no JSON in the end
        found = _MEMBER.search(text)
        return found[2] if found else ""


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a JSON value, those called a title first."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for name in sorted(value, key=lambda name: "title" not in name.lower()):
            yield from _texts(value[name])


def _lines(text: str) -> list[str]:
    """Return the lines of a Markdown text as a reader sees them."""
    html = to_html(text)
    lines = [unescape(re.sub("<[^>]*>", "", line)).strip() for line in html.split("\n")]
    return [line for line in lines if line]


def _unlabelled(line: str) -> str:
    if found := _LABEL.match(line):
        return line[found.end() :]
    found = _QUOTED.search(line)
    return found[1] if found else line
