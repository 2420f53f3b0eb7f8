"""The small parts on their own: events out of bytes, repaired text, the demo."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from llm.client.adapters.demo import answer
from llm.client.sanitize import Sanitizer
from llm.client.sse import OverlongEvent, Parser
from llm.client.types import PromptMessage, TextDelta
from llm.tests.asking import ask, prompt, reply_of

PIECES = [b"data: {}", b"data:x", b"data", b": c", b"id: 1", b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n"]
PIECES += [b"\xef\xbb\xbf", "\u2028\u0085".encode(), b"data: ", b"data:\x0b y", b"a"]


def parse(chunks: list[bytes]) -> list[bytes]:
    parser = Parser()
    return [payload for chunk in chunks for payload in parser.feed(chunk)] + parser.flush()


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.lists(st.integers(0, 150), max_size=20))
def test_any_chunking_gives_the_same_payloads(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)

    assert parse(chunked(data, cuts)) == parse([data]) == parse([bytes([byte]) for byte in data])


@pytest.mark.parametrize(
    ("data", "payloads"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data:a\r\n\r\ndata: b\r\r", [b"a", b"b"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data: a\ndata: b\nid: 3\n\n", [b"a\nb"]),
        (b": comment\n\ndata:\n\nevent: x\n\ndata:  a\n\n", [b" a"]),
        ("data: a\u2028b\u0085c\x0bd\n\n".encode(), ["a\u2028b\u0085c\x0bd".encode()]),
        (b"\n\n\n\ndata: a\n\n\n", [b"a"]),
        (b"data: last", [b"last"]),
    ],
)
def test_events_are_cut_by_the_standard(data: bytes, payloads: list[bytes]) -> None:
    assert parse([data]) == payloads


def test_an_event_without_end_is_bounded() -> None:
    parser = Parser(max_event=97)
    parser.feed(b"data: " + b"x" * 90)

    with pytest.raises(OverlongEvent):
        parser.feed(b"more")


def reference(text: str) -> str:
    """Join pairs, then replace what is left."""
    joined = re.sub(
        "[\ud800-\udbff][\udc00-\udfff]",
        lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"),
        text,
    )
    return re.sub("[\0\ud800-\udfff]", "\ufffd", joined)


ODD_TEXT = st.lists(st.sampled_from(["\ud83d", "\ude00", "\0", "a", "é", "🦊", ""]), max_size=12)


@given(ODD_TEXT)
def test_cleaning_does_not_depend_on_the_cuts(pieces: list[str]) -> None:
    cleaner = Sanitizer()
    cleaned = "".join(map(cleaner.feed, pieces)) + cleaner.flush()

    assert cleaned == reference("".join(pieces))
    cleaned.encode()


def test_ordinary_text_passes_as_it_is() -> None:
    text = "Ünicode 🦊"

    assert Sanitizer().feed(text) is text


@pytest.mark.asyncio
async def test_the_demo_talks_about_the_prompt(settings: Settings) -> None:
    settings.DEMO_DELAY = 0
    earlier = PromptMessage("user", "Hi"), PromptMessage("assistant", "Hello")

    first = await ask("demo", prompt("How far is the moon?", *earlier))
    again = await ask("demo", prompt("How far is the moon?", *earlier))

    assert first.text == again.text
    assert first.text.startswith("**Demo model**")
    assert "How far is the moon?" in first.text
    assert "1 earlier turn" in first.text
    assert first.end is not None
    assert (first.end.reason, first.end.model) == ("stop", "demo")
    assert first.end.usage is not None
    assert first.end.usage.prompt == 7


@pytest.mark.asyncio
async def test_the_demo_streams_in_small_pieces(settings: Settings) -> None:
    settings.DEMO_DELAY = 0
    pieces = [event async for event in reply_of("demo", prompt("Hi")) if isinstance(event, TextDelta)]

    assert len(pieces) > 50
    assert max(len(piece.text) for piece in pieces) < 40


@pytest.mark.parametrize(
    "text", ["```` ``` <script>alert(1)</script>", "{0} {quote} %s", "|a|b|\n---", "x" * 100_000, "   ", ""]
)
def test_the_demo_takes_any_prompt(text: str) -> None:
    reply = answer((PromptMessage("user", text),))

    fences = re.findall(r"^(`{3,})text$", reply, re.MULTILINE)
    assert len(fences) == 1
    assert fences[0] not in text
    assert len(reply) < 1500
