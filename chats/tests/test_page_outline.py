"""How a reply is laid out, and that it looks alike however one has come to see it."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chats.models import State
from chats.pages.rendering.calls import call_view
from chats.pages.rendering.fragments import message_frame, message_view
from chats.pages.rendering.live_reply import LiveReply
from chats.pages.rendering.outline import Outline
from chats.pages.rendering.sources import source_views
from chats.parts import Part, json_text
from chats.tests.test_fragments import CHAT, ID, row
from chats.turns.events import Delta, End, ToolInput, Waiting

UNTIL = datetime(2026, 6, 1, 12, tzinfo=UTC)


def made(id_: str, state: str = "running", **values: Any) -> Part:
    payload = {"id": id_, "name": "look_up", "title": "Look up", "input": {"word": "x"}, "state": state, **values}
    return "tool_call", json_text(payload)


def result(id_: str, state: str = "complete") -> Part:
    return "tool_result", json_text({"id": id_, "state": state, "seconds": 0.26, "output": "found"})


def source(url: str, title: str = "") -> Part:
    return "source", json_text({"url": url, "title": title})


def laid_out(parts: Sequence[Part]) -> list[tuple[str, str, list[str]]]:
    sections = Outline(parts, is_over=True).sections
    return [(each.reasoning, each.text, [call["id"] for call in each.calls]) for each in sections]


def live_of(parts: Sequence[Part], known: int, waiting: Waiting | None = None) -> tuple[LiveReply, list[str]]:
    """Return a reply that was first seen with so many parts, and the frames of the others."""
    before = row("")
    before.parts = list(parts[:known])
    live, at, frames = LiveReply(CHAT, before, waiting), before.length, []
    for kind, text in parts[known:]:
        frames.append(live.grow(Delta(0, at, kind, text)))
        at += len(text)
    return live, frames


def ended(live: LiveReply, parts: Sequence[Part]) -> str:
    after = row("", State.COMPLETE)
    after.parts = list(parts)
    return live.end(End(0, after.length, after))


def test_sections_begin_where_the_order_does_again() -> None:
    parts = [
        ("reasoning", "a"), ("text", "b"), source("https://x.example"), ("text", "c"), made("1"), made("2"),
        result("2"), result("1"), ("text", "d"), ("reasoning", "e"), made("3"), ("text", "f"),
    ]  # fmt: skip

    assert laid_out(parts) == [("a", "bc", ["1", "2"]), ("", "d", []), ("e", "", ["3"]), ("", "f", [])]


@pytest.mark.parametrize("parts", [[], [("text", "a")], [("reasoning", "a")], [("reasoning", "a"), ("text", "b")]])
def test_a_plain_reply_is_one_section_without_a_number(parts: list[Part]) -> None:
    assert len(laid_out(parts)) == 1
    _, frames = live_of(parts, 0)
    known = {f"m-{ID}-{name}" for name in ("why", "thinking", "open")}
    assert {name for frame in frames for name in re.findall(r'id="(m-[^"]+)"', frame)} <= known


KINDS = st.lists(st.sampled_from(["text", "reasoning", "call", "source"]), max_size=8)


@settings(deadline=None)  # the first template takes longer
@given(KINDS, st.integers(0, 8))
def test_ids_are_the_same_live_and_stored(kinds: list[str], known: int) -> None:
    parts: list[Part] = []
    for number, kind in enumerate(kinds):
        if kind == "call":
            parts += [made(f"c{number}"), result(f"c{number}")]
        else:
            parts.append(source("https://x.example") if kind == "source" else (kind, "word "))
    stored = row("", State.COMPLETE)
    stored.parts = parts

    live, frames = live_of(parts, min(known, len(parts)))
    shown = message_frame(CHAT, live.view()) + "".join(frames)

    wanted = re.findall(r'id="(m-[^"]+-(?:done|c-c\d))"', message_frame(CHAT, message_view(stored)))
    assert set(wanted) <= set(re.findall(r'id="(m-[^"]+)"', shown))
    assert "<article" not in ended(live, parts)  # nothing need be painted again


def test_a_text_is_closed_by_what_follows_it() -> None:
    _, frames = live_of([("text", "```python\nx = 1"), made("1"), ("text", "more")], 0)

    assert "<figure" not in frames[0]
    assert "<figure" in frames[1]
    assert f'id="m-{ID}-2-open"' in frames[2]


def test_a_line_that_somebody_has_opened_changes_inside_only() -> None:
    _, frames = live_of([made("1"), result("1")], 0)

    assert "<details" not in frames[1]
    assert re.findall(r'id="m-[^"]+-c-1-(\w+)"', frames[1]) == ["state", "out"]
    assert "done in 0.3 s" in frames[1]


def test_a_card_gives_way_to_a_line_by_decision_and_by_its_end() -> None:
    parts = [made("1", "waiting"), made("2", "waiting")]
    calls = list(Outline(parts, is_over=False).calls.values())
    live, _ = live_of(parts, 2, Waiting(0, 0, calls, UNTIL))
    assert message_frame(CHAT, live.view()).count('class="call card"') == 2

    partly = live.wait(Waiting(0, 0, calls[1:], UNTIL))
    denied = live.grow(Delta(0, live.position, *result("2", "denied")))

    assert re.findall(r'<details class="call" id="m-[^"]+-c-(\d)"', partly) == ["1"]
    assert "decided" in partly
    assert re.findall(r'<details class="call" id="m-[^"]+-c-(\d)"', denied) == ["2"]
    assert live.wait(Waiting(0, 0, calls[1:], UNTIL)) == ""  # told late


@pytest.mark.parametrize("left", [[made("1")], [made("1", "waiting")]])
def test_a_call_without_a_result_is_unknown_in_the_end(left: list[Part]) -> None:
    live, _ = live_of(left, 0)

    assert 'data-state="unknown"' in ended(live, left)


def test_arguments_of_a_call_that_never_came_are_taken_away() -> None:
    live, _ = live_of([], 0)

    begun, more = (live.write(ToolInput("1", "look_up", text)) for text in ('{"wo', 'rd":"<b>'))

    assert "beforebegin" in begun
    assert "beforebegin" not in more
    assert "&lt;b&gt;" in more
    assert "-c-1" not in ended(live, [])


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"a": "ü\n"}, '{\n  "a": "ü\\n"\n}'),
        ({"a": "\u202egnp.exe"}, '{\n  "a": "\\u202egnp.exe"\n}'),
        ({"a": "\U000e0041"}, '{\n  "a": "\\udb40\\udc41"\n}'),
        ("no {json", "no {json"),
        ({}, "{}"),
    ],
)
def test_an_input_is_readable_and_hides_nothing(given: Any, shown: str) -> None:
    call = {"id": "1", "name": "n", "input": given, "state": "running"}

    assert call_view(ID, call)["input"] == shown


def test_a_long_input_is_cut_but_not_where_somebody_is_asked() -> None:
    call = {"id": "1", "name": "n", "input": {"a": "x" * 5000}, "state": "waiting"}

    line, card = call_view(ID, call), call_view(ID, call, Waiting(0, 0, [call], UNTIL))

    assert (len(line["input"]), line["input_rest"]) == (2000, "The first 2,000 of 5,013 characters")
    assert (len(card["input"]), card["input_rest"]) == (5013, "")


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "//host/x", "/x", "", "http://[", "https://"],
)
def test_only_addresses_of_the_web_are_sources(url: str) -> None:
    assert source_views([source(url, "x")]) == []


def test_sources_are_told_once_with_their_host() -> None:
    found = source_views(
        [source("https://a.example:8/b?c#d"), source("http://b.example", "B"), source("http://b.example", "B")]
    )

    assert [(each["title"], each["host"]) for each in found] == [
        ("https://a.example:8/b?c#d", "a.example"), ("B", "b.example"),
    ]  # fmt: skip
