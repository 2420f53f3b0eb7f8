"""A script as the bytes of a stream: encoded once, sent many times."""

from dataclasses import dataclass
from functools import lru_cache

from llm.testing.dialect import Call, Dialect, Payload, encoded
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
    opening = dialect.opening(script, call)
    deltas = [dialect.delta(text, script, call) for text in script.deltas(call.prompt)] + dialect.extras(script, call)
    ending = dialect.ending(script, call, len(deltas))
    error = dialect.stream_error(script, call)
    if dialect.names_events:
        for number, event in enumerate([*opening, *deltas, *ending, error]):
            event.setdefault("sequence_number", number)
    done = [_frame(script, dialect.done)] if dialect.done and not script.block else []
    return Frames(
        opening=_prelude(script) + _framed(script, dialect, opening),
        deltas=_framed(script, dialect, deltas),
        ending=_ended(script, [*_framed(script, dialect, ending), *done]) + _afterthought(script, dialect, call),
        error=_framed(script, dialect, [error])[0],
        malformed=_frame(script, b'{"choices":[{"delta'),
    )


def _framed(script: Script, dialect: Dialect, payloads: list[Payload]) -> tuple[bytes, ...]:
    named = dialect.names_events
    alone = [each for payload in payloads for each in _alone(payload)]
    return tuple(_frame(script, encoded(each), str(each["type"]) if named else "") for each in alone)


def _alone(payload: Payload) -> list[Payload]:
    """Give each of several choices a payload of its own."""
    choices = payload.get("choices") or ()
    return [{**payload, "choices": [choice]} for choice in choices] if len(choices) > 1 else [payload]


def _ended(script: Script, events: list[bytes]) -> tuple[bytes, ...]:
    """Give the last events, of which a careless server leaves out the last blank line."""
    if "no_last_blank" in script.oddities and events:
        return (*events[:-1], events[-1][:-1])
    return tuple(events)


def _frame(script: Script, payload: bytes, name: str = "") -> bytes:
    """Make one event, with whatever is odd but legal."""
    odd = script.oddities
    if "unknown" in odd and payload.startswith(b"{"):
        payload = b'{"x_unknown":{"deep":[1,null]},' + payload[1:]
    if "multiline" in odd and payload.startswith(b"{"):
        payload = payload.replace(b",", b",\ndata: ", 1)
    event = (b"data:" if "nospace" in odd else b"data: ") + payload + b"\n\n"
    if name:
        event = f"event: {name}\n".encode() + event
    if "ids" in odd:
        event = b"id: 7\n" + (b"" if name else b"event: message\n") + b"retry: 9\n" + event
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
    return (_frame(script, encoded(dialect.delta("AFTER THE END", script, call))),)
