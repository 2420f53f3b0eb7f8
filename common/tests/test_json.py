"""JSON from strangers: parsed or refused, never a crash."""

import contextlib
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import NotJson
from common.json import MAX_DEPTH, dumps, loads


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
