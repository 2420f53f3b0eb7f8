"""Finishing touches to rendered Markdown: code coloured by Pygments' classes, under a bar with its language and a copy
button; boxes of task lists that say what they mean."""

import re
from functools import lru_cache
from html import escape, unescape

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from chats.markdown import to_html

MAX_COLOURED = 50_000  # characters; Pygments takes 0.4 ms a KB
_CODE = re.compile(r'<pre><code(?: class="language-([^"]*)")?>(.*?)</code></pre>', re.DOTALL)
_BOX = re.compile(r'<input type="checkbox"( checked="")?')
_FORMATTER = HtmlFormatter(nowrap=True, classprefix="t-")


def rendered(text: str) -> str:
    """Return a finished message as HTML."""
    return decorate_code(to_html(text))


def decorate_code(html: str) -> str:
    """Dress the code blocks and boxes of sanitised HTML."""
    html = _CODE.sub(lambda found: _decorated(found[1] or "", found[2]), html)
    return _BOX.sub(lambda found: f'{found[0]} aria-label="{"Done" if found[1] else "To do"}"', html)


def _decorated(language: str, body: str) -> str:
    label = escape(language or "text")
    return (
        f'<figure class="code"><figcaption><span>{label}</span>'
        '<button type="button" class="quiet" data-copy-code>Copy</button></figcaption>'
        f'<pre tabindex="0" aria-label="{label} code"><code>{_coloured(language, body)}</code></pre></figure>'
    )


@lru_cache(maxsize=128)
def _coloured(language: str, body: str) -> str:
    if not language or len(body) > MAX_COLOURED:
        return body
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return body
    return str(highlight(unescape(body), lexer, _FORMATTER))
