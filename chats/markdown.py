"""Markdown, as models write it, to HTML in which nothing is active and nothing loads from elsewhere."""

import re

import cmarkgfm
import nh3
from cmarkgfm.cmark import Options
from django.utils.html import escape

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "input", "li", "ol", "p",
    "pre", "strong", "sup", "section", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    "a": {"href", "title"},
    "code": {"class"},
    "input": {"type", "checked", "disabled"},
    "ol": {"start"},
    "td": {"align"},
    "th": {"align"},
}
SCHEMES = {"http", "https", "mailto"}
EXTENSIONS = ["table", "strikethrough", "autolink", "tasklist"]
# cmark has no mode that shows raw HTML as text. A noncharacter takes the place of each "<" that could open a tag and
# is rendered as "&lt;" afterwards, in code as in prose; "<" before an address (<https://...>, (<a b>)) is Markdown.
STAND_IN = "\ufdd1"
MAX_DEPTH = 100
_CONTAINER = re.compile(r"<(/?)(?:blockquote|li)>")
_OPENS_TAG = re.compile(r"(?<!\]\()<(?![A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*>|[^\s<>@]+@[^\s<>@]+>)")


def to_html(text: str) -> str:
    """Return sanitised HTML: GitHub's Markdown, line breaks kept, code fences with a language class.

    Raw HTML is shown as text. Images are left out (they would load from a stranger's server); links open apart and
    carry no referrer.
    """
    rendered = cmarkgfm.markdown_to_html_with_extensions(as_text(text), Options.CMARK_OPT_HARDBREAKS, EXTENSIONS)
    if _too_deep(rendered):
        return f"<pre><code>{escape(text)}</code></pre>"
    rendered = rendered.replace(STAND_IN, "&lt;").replace("%EF%B7%91", "%3C")
    return _CLEANER.clean(rendered)


def _too_deep(rendered: str) -> bool:
    """Tell whether blocks are nested as nobody writes them; the sanitiser needs quadratic time for their depth."""
    if rendered.count("<blockquote>") + rendered.count("<li>") <= MAX_DEPTH:
        return False
    depth = 0
    for tag in _CONTAINER.finditer(rendered):
        depth += -1 if tag[1] else 1
        if depth > MAX_DEPTH:
            return True
    return False


def as_text(text: str) -> str:
    """Return the Markdown with a stand-in for each "<" that could open a tag; no line moves."""
    return _OPENS_TAG.sub(STAND_IN, text.replace(STAND_IN, "\ufffd"))


def _filter(tag: str, attribute: str, value: str) -> str | None:
    if tag == "code" and attribute == "class":
        return (
            value if value.startswith("language-") and value[9:].replace("-", "").replace("+", "").isalnum() else None
        )
    if tag == "input" and attribute == "type":
        return value if value == "checkbox" else None
    return value


_CLEANER = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    url_schemes=SCHEMES,
    url_relative="deny",  # a relative address leads into whatever page shows it
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    attribute_filter=_filter,
    clean_content_tags={"script", "style"},
)
