"""A script as the bytes of a stream: encoded once, sent many times."""

from dataclasses import dataclass
from functools import lru_cache

from llm.testing.dialect import Call, Dialect, encoded
from llm.testing.script import Script


@dataclass(frozen=True, slots=True)
class Frames:
    """Ready events: what comes before the deltas, the deltas, and what ends them."""

    opening: tuple[bytes, ...]
    deltas: tuple[bytes, ...]
    ending: tuple[bytes, ...]
    error: bytes
    malformed: bytes


@lru_cache(maxsize=64)
def frames(dialect: Dialect, script: Script, call: Call) -> Frames:
    """Encode a reply; equal requests share the result."""
    texts = [dialect.delta(text, call) for text in script.deltas(call.prompt)]
    deltas = [encoded(each) for each in texts + dialect.extras(script, call)]
    ending = [encoded(each) for each in dialect.ending(script, call, len(deltas))]
    if dialect.done and not script.block:
        ending.append(dialect.done)
    error = encoded(dialect.error(500, script.error_code, ""))
    return Frames(
        opening=_prelude(script) + _framed(script, [encoded(each) for each in dialect.opening(script, call)]),
        deltas=_framed(script, deltas),
        ending=_ended(script, ending) + _afterthought(script, dialect, call),
        error=_frame(script, error),
        malformed=_frame(script, b'{"choices":[{"delta'),
    )


def _framed(script: Script, payloads: list[bytes]) -> tuple[bytes, ...]:
    return tuple(_frame(script, payload) for payload in payloads)


def _ended(script: Script, payloads: list[bytes]) -> tuple[bytes, ...]:
    """Frame the last events, of which a careless server leaves out the last blank line."""
    events = _framed(script, payloads)
    return (*events[:-1], events[-1][:-1]) if "no_last_blank" in script.oddities and events else events


def _frame(script: Script, payload: bytes) -> bytes:
    """Make one event, with whatever is odd but legal."""
    odd = script.oddities
    if "unknown" in odd and payload.startswith(b"{"):
        payload = b'{"x_unknown":{"deep":[1,null]},' + payload[1:]
    if "multiline" in odd and payload.startswith(b"{"):
        payload = payload.replace(b",", b",\ndata: ", 1)
    event = (b"data:" if "nospace" in odd else b"data: ") + payload + b"\n\n"
    if "ids" in odd:
        event = b"id: 7\nevent: message\nretry: 9\n" + event
    if "comments" in odd:
        event = b": a comment\n" + event + b": keep-alive\n\n"
    return _with_line_ends(odd, event)


def _prelude(script: Script) -> tuple[bytes, ...]:
    return (b"\xef\xbb\xbf",) if "bom" in script.oddities else ()


def _with_line_ends(odd: frozenset[str], event: bytes) -> bytes:
    if "crlf" in odd:
        return event.replace(b"\n", b"\r\n")
    return event.replace(b"\n", b"\r") if "cr" in odd else event


def _afterthought(script: Script, dialect: Dialect, call: Call) -> tuple[bytes, ...]:
    """What some servers send after the end; nobody should read it."""
    if "after_done" not in script.oddities or not dialect.done:
        return ()
    return (_frame(script, encoded(dialect.delta("AFTER THE END", call))),)
