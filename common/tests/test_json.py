"""JSON from strangers: parsed or refused, never a crash."""

import contextlib
import json
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import BodyTooLarge, NotJson
from common.json import MAX_DEPTH, MAX_MARKS, MAX_MARKS_IN_ALL, Pieces, dumps, loads, loads_apart
from common.off_loop import SMALL


@given(st.binary())
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    with contextlib.suppress(NotJson):
        dumps(loads(body))


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_bounded(opening: bytes, closing: bytes) -> None:
    assert loads(opening * MAX_DEPTH + b"1" + closing * MAX_DEPTH)
    for depth in (MAX_DEPTH + 1, 1000, 100_000):
        with pytest.raises(NotJson):
            loads(opening * depth + b"1" + closing * depth)


def test_many_values_on_one_level_are_not_deep() -> None:
    assert len(loads(b"[" + b"[]," * 1000 + b"[]]")) == 1001


def test_brackets_in_text_do_not_count() -> None:
    assert loads(b'{"a": "' + b"[" * 1000 + b'"}') == {"a": "[" * 1000}


def test_lone_surrogates_become_nul_for_the_field_to_refuse() -> None:
    assert loads(b'{"a": "\\ud800"}') == {"a": "\0"}
    assert loads(b'{"a": "\\udd8a\\ud83e\\\\ud83e"}') == {"a": "\0\0\\ud83e"}
    assert loads(b'{"a": "\\ud83e\\udd8a"}') == {"a": "🦊"}


@pytest.mark.parametrize("body", [b"NaN", b"Infinity", b'{"a": NaN, "b": "\\ud800"}', b"", b"\xef\xbb\xbf{}", b"'x'"])
def test_what_only_looks_like_json_is_refused(body: bytes) -> None:
    with pytest.raises(NotJson):
        loads(body)


def test_instants_are_written_in_utc() -> None:
    there = datetime(2026, 5, 1, 12, tzinfo=UTC).astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert dumps([datetime(2026, 5, 1, 12, tzinfo=UTC), uuid.UUID(int=1)]) == (
        b'["2026-05-01T12:00:00Z","00000000-0000-0000-0000-000000000001"]'
    )
    assert datetime.fromisoformat(loads(dumps(there))) == there


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('",[]{}\\ a語🦊', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["messages", "a", '"', ","]), inner),
    max_leaves=20,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_a_list_apart_reads_as_it_does_with_the_rest(value: Any, ascii_only: bool, indent: int | None) -> None:
    read = loads_apart(json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode(), "messages")

    if isinstance(read, dict) and isinstance(read.get("messages"), Pieces):
        read["messages"] = list(read["messages"])
    assert read == value


@given(st.binary())
def test_any_bytes_are_parsed_apart_or_refused(body: bytes) -> None:
    with contextlib.suppress(NotJson):
        loads_apart(b'{"messages": [' + body, "messages")


def test_texts_are_read_across_the_windows_they_are_looked_through_in() -> None:
    text = '\\"[{,' * SMALL + "a" * SMALL

    assert loads_apart(json.dumps({"messages": [text, text]}).encode(), "messages")["messages"][1] == text
    for body in (b'{"messages": ["' + b"a" * SMALL, b'"' + b"a" * SMALL + b"\\"):
        with pytest.raises(NotJson):
            loads_apart(body, "messages")


def test_the_number_of_values_is_bounded() -> None:
    assert len(loads(b"[" + b"0," * (MAX_MARKS - 3) + b"0]")) == MAX_MARKS - 2
    with pytest.raises(NotJson):
        loads(b"[" + b"0," * MAX_MARKS + b"0]")
    with pytest.raises(NotJson):
        loads_apart(b'{"messages": [' + b"0," * MAX_MARKS_IN_ALL + b"0]}", "messages")


def test_files_in_a_list_may_be_larger() -> None:
    url = "data:image/png;base64," + "QUJD" * 2**21
    said = [{"a": [url, "data:x", 'say "' + url[:20], None]}, {"b": {"c": url}}]

    assert list(loads_apart(json.dumps({"messages": said}).encode(), "messages")["messages"]) == said
    for text in ('say "' + url, "data:é" + "é" * 2**22, url + "\n"):
        pieces = loads_apart(json.dumps({"messages": [text]}, ensure_ascii=False).encode(), "messages")["messages"]
        with pytest.raises(BodyTooLarge):
            pieces[0]


def test_what_is_too_large_to_be_parsed_at_once_is_refused() -> None:
    large = b'"' + b"a" * 8 * 2**20 + b'"'

    pieces = loads_apart(b'{"messages": [1, ' + large + b"]}", "messages")["messages"]

    assert (len(pieces), pieces[0]) == (2, 1)
    with pytest.raises(BodyTooLarge):
        pieces[1]
    with pytest.raises(BodyTooLarge):
        loads_apart(b'{"a": ' + large + b"}", "messages")
