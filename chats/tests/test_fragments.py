"""What goes over a page's socket: text that adds up, and nothing alive in it."""

import re
from html import unescape
from uuid import UUID

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chats.markdown import to_html
from chats.models import State
from chats.pages.rendering.code_blocks import rendered
from chats.pages.rendering.fragments import message_frame, message_view, notice_frame, thread_frame
from chats.pages.rendering.incremental_markdown import GrowingText, split_closed
from chats.pages.rendering.live_reply import LiveReply
from chats.rows import MessageRow
from chats.turns.events import Delta, End

ID = UUID("0199aaaa-0000-7000-8000-000000000001")
CHAT = UUID("0199aaaa-0000-7000-8000-000000000002")
SAMPLE = """# Title

A paragraph
of two lines.

- one

  still one
- two
    - deep

1. first
2. second

> quoted
> > twice

| a | b |
|---|--:|
| 1 | 2 |

```python
x = 1

# not a heading
```

Setext
------

    indented code

***

The end, with <b>tags</b> and a [link](https://example.org)."""


def row(text: str, state: str = State.STREAMING, reason: str = "") -> MessageRow:
    parts = [("text", text)] if text else []
    return MessageRow(
        id=ID, number=2, parent=None, role="assistant", parts=parts, state=state, reason=reason,
        model="m", provider="p", created_at=timezone.now(),
    )  # fmt: skip


def frames_of(text: str, chunk: int) -> list[str]:
    """Return the frames of a reply that arrives in chunks."""
    live = LiveReply(CHAT, row(""))
    deltas = [Delta(at, at, "text", text[at : at + chunk]) for at in range(0, len(text), chunk)]
    return [live.grow(delta) for delta in deltas] + [live.end(End(0, len(text), row(text, State.COMPLETE)))]


def shown(frames: list[str]) -> str:
    """Do as the browser does with the frames of one reply; return what stands in its body at the end."""
    done = open_ = ""
    for frame in frames:
        whole = re.search(rf'<div class="part" id="m-{ID}-done">(.*?)</div>\s*<div class="part open"', frame, re.DOTALL)
        if whole:
            done, open_ = whole[1], ""
            continue
        for closed in re.findall(rf'<div id="m-{ID}-done" hx-swap-oob="beforeend">(.*?)</div><div', frame, re.DOTALL):
            done += closed
        found = re.search(rf'<div id="m-{ID}-open" hx-swap-oob="innerHTML">(.*?)</div>', frame, re.DOTALL)
        if found:
            open_ = found[1]
    return done + open_


@pytest.mark.parametrize("chunk", [1, 3, 50, 10_000])
def test_the_fragments_joined_are_the_rendered_reply(chunk: int) -> None:
    assert shown(frames_of(SAMPLE, chunk)) == rendered(SAMPLE)


@pytest.mark.parametrize("chunk", [1, 4])
def test_plain_text_joined_is_the_stored_text(chunk: int) -> None:
    text = "One word after another, and a line\nbreak."

    assert unescape(re.sub("<[^>]+>", "", shown(frames_of(text, chunk)))).strip() == text


def test_a_closed_block_is_sent_once() -> None:
    frames = frames_of("First block.\n\nSecond block.\n\nThird", 3)

    assert sum('beforeend"><p>First block.</p>' in frame for frame in frames) == 1
    last = max(at for at, frame in enumerate(frames) if "First" in frame)
    assert 'hx-swap-oob="beforeend"><p>First' in frames[last]  # nothing repeats it later


def test_a_late_link_definition_repaints_the_whole() -> None:
    text = "See [there].\n\nMore.\n\n[there]: https://example.org/x"

    frames = frames_of(text, 5)

    assert 'href="https://example.org/x"' in shown(frames)
    assert shown(frames) == rendered(text)


def test_withdrawn_text_is_not_shown() -> None:
    live = LiveReply(CHAT, row(""))
    live.grow(Delta(0, 0, "text", "kept and withdrawn"))

    frame = live.end(End(0, 4, row("kept", State.INTERRUPTED, "process_lost")))

    assert "withdrawn" not in frame
    assert "<p>kept</p>" in frame
    assert "restarted" in frame


@given(st.text(alphabet="ab \n-*>#`|1.=~[]()<\t\r", max_size=60), st.integers(1, 9))
def test_blocks_add_up_however_the_text_is_cut(text: str, chunk: int) -> None:
    growing, html = GrowingText(), ""
    for at in range(0, len(text), chunk):
        html += growing.grow(text[at : at + chunk])
    html += growing.finish()

    if growing.adds_up_to(text):
        assert html == rendered(text)
    else:  # painted whole instead; rare, and only where text outside of a block has a say in it
        assert "[" in text or "\r" in text or "\t" in text or "|" in text


@given(st.text(alphabet="ab \n-*>#`|1.", max_size=60))
def test_splitting_loses_nothing(text: str) -> None:
    assert "".join(split_closed(text)) == text


@pytest.mark.parametrize("chunk", [1, 2, 5, 13])
def test_no_frame_holds_a_living_tag(chunk: int) -> None:
    probe = "<img src=x onerror=alert(1)> <script>alert(1)</script>\n\n<svg/onload=alert(1)>\n\n`<b hx-get=/>`"

    for frame in frames_of(probe, chunk):
        assert not re.search(r"<(img|script|b\b)", frame), frame
        assert not re.search(r"<svg(?! class=\"icon\")", frame), frame


def test_questions_titles_and_notices_are_escaped() -> None:
    evil = "<img src=x onerror=alert(1)></textarea>"
    question = row(evil, State.COMPLETE)
    question.role = "user"

    frames = [message_frame(CHAT, message_view(question)), notice_frame(evil)]

    for frame in frames:
        assert "<img" not in frame
        assert "&lt;img" in frame
    assert frames[0].count("</textarea>") == 1


def test_ids_begin_with_a_letter() -> None:
    frame = thread_frame(CHAT, [ID], [message_view(row(SAMPLE, State.COMPLETE))], whole=False)

    ids = re.findall(r'\bid="([^"]+)"', frame)
    assert len(ids) > 4
    assert all(each[0].isalpha() for each in ids)


def test_code_is_coloured_and_escaped_once() -> None:
    html = rendered('```python\nif a < b and "<i>":\n    pass\n```')

    assert '<span class="t-k">if</span>' in html
    assert "&lt;i&gt;" in html
    assert "&amp;lt;" not in html
    assert "<i>" not in html


@pytest.mark.parametrize("fence", ["```nosuchlanguage\n<x>\n```", "```\n<x>\n```", '```"><img\n<x>\n```'])
def test_code_of_unknown_languages_stays_plain(fence: str) -> None:
    html = rendered(fence)

    assert "&lt;x&gt;" in html
    assert "<img" not in html
    assert "<x>" not in html
    assert "<pre" in to_html(fence)
