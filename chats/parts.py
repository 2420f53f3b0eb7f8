"""What a message is made of, in order of arrival: text, reasoning, files, tool calls and what became of them,
sources.

A part is its kind and its text. Text and reasoning are text; any other part is one piece of JSON, never split and never
joined to its neighbour. All of them count alike in offsets: in code points of their text.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

Part = tuple[str, str]
TEXT, REASONING, FILE = "text", "reasoning", "file"
PROSE = (TEXT, REASONING)
TOOL_CALL, TOOL_RESULT, DECISION, SOURCE = "tool_call", "tool_result", "decision", "source"
# Kept beside a reply and no part of it: whole tool outputs, and what only a provider understands.
TOOL_OUTPUT, PROVIDER_METADATA = "tool_output", "provider_metadata"

# States of a call; it begins as `running` or `waiting`.
RUNNING, WAITING, COMPLETE, FAILED, DENIED, UNKNOWN = (
    "running", "waiting", "complete", "failed", "denied", "unknown",
)  # fmt: skip


def is_text(kind: str) -> bool:
    """Tell whether parts of this kind may be cut anywhere, and joined."""
    return kind in PROSE


def runs(kinds: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Yield (start, stop, kind) of neighbours that make one part."""
    start, before, stop = 0, "", 0
    for stop, kind in enumerate(kinds):
        if stop and (kind != before or kind not in PROSE):
            yield start, stop, before
            start = stop
        before = kind
    if before:
        yield start, stop + 1, before


def joined(parts: Sequence[Part]) -> list[Part]:
    """Join neighbours that make one part."""
    found = runs(kind for kind, _ in parts)
    return [(kind, "".join([text for _, text in parts[start:stop]])) for start, stop, kind in found]


def text_of(parts: Sequence[Part], kind: str) -> str:
    """Return all text of one kind."""
    return "".join([text for part, text in parts if part == kind])


def length_of(parts: Sequence[Part]) -> int:
    return sum([len(text) for _, text in parts])


# --- as they are stored: `content` and `reasoning` are the joined texts, the column says how they interleave ----------
def to_column(parts: Sequence[Part]) -> list[list[Any]] | None:
    """Return [[kind, length], …], with the text third where it is neither text nor reasoning.

    None where the parts are reasoning, then text, as they nearly always are.
    """
    found = joined(parts)
    if [kind for kind, _ in found] in ([], [REASONING], [TEXT], [REASONING, TEXT]):
        return None
    return [[kind, len(text)] if is_text(kind) else [kind, len(text), text] for kind, text in found]


def from_column(content: str, reasoning: str, column: list[list[Any]] | None) -> list[Part]:
    """Return what is stored as parts."""
    if column is None:
        return [(kind, text) for kind, text in ((REASONING, reasoning), (TEXT, content)) if text]
    left = {REASONING: reasoning, TEXT: content}
    parts: list[Part] = []
    for kind, length, *own in column:
        parts.append((kind, own[0] if own else left[kind][:length]))
        if not own:
            left[kind] = left[kind][length:]
    return parts


# --- calls: the part of a call never changes; its state is what the parts after it say --------------------------------
def part_payload(kind: str, text: str) -> dict[str, Any]:
    """Return one part as clients see it."""
    return {"type": kind, "text": text} if is_text(kind) else {"type": kind, **orjson.loads(text)}


def part_payloads(
    parts: Sequence[Part], is_over: bool, reasoning_seconds: Sequence[float | None] | None = None
) -> list[dict[str, Any]]:
    """Return the parts of a message as clients see them: results and decisions are told with their calls.

    Of a call whose result is missing although the reply `is_over` nobody knows what it did.
    """
    found, calls = list[dict[str, Any]](), dict[str, dict[str, Any]]()
    seconds = iter(reasoning_seconds or ())
    for kind, text in parts:
        payload = part_payload(kind, text)
        if kind in (TOOL_RESULT, DECISION):
            note(calls, payload)
        else:
            found.append(payload)
            if kind == TOOL_CALL:
                calls[payload["id"]] = payload
            elif kind == REASONING and (took := next(seconds, None)) is not None:
                payload["seconds"] = took
    for call in calls.values():
        if is_over and call["state"] in (RUNNING, WAITING):
            call["state"] = UNKNOWN
    return found


def note(calls: Mapping[str, dict[str, Any]], payload: Mapping[str, Any]) -> list[str]:
    """Note with the calls what a result or a decision says of them; return the ids of those that it speaks of."""
    if payload["type"] == TOOL_RESULT:
        calls[payload["id"]].update({**payload, "type": TOOL_CALL})
        return [payload["id"]]
    for decided in payload["calls"]:
        calls[decided["id"]]["state"] = RUNNING if decided["approved"] else DENIED
    return [decided["id"] for decided in payload["calls"]]


def undecided(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return the calls that wait for somebody's word."""
    return [call for call in _calls(parts) if call["state"] == WAITING]


def denied(parts: Sequence[Part], not_begun: Collection[str] = ()) -> list[Part]:
    """Return the results that close those calls, which nobody will be asked about, and what was `not_begun`."""
    left = [call for call in _calls(parts) if call["state"] == WAITING or _is_idle(call, not_begun)]
    return [(TOOL_RESULT, json_text({"id": call["id"], "state": DENIED})) for call in left]


def _is_idle(call: Mapping[str, Any], not_begun: Collection[str]) -> bool:
    return call["state"] == RUNNING and call["id"] in not_begun


def _calls(parts: Sequence[Part]) -> list[dict[str, Any]]:
    if all(kind != TOOL_CALL for kind, _ in parts):
        return []
    return [each for each in part_payloads(parts, False) if each["type"] == TOOL_CALL]


def json_text(value: Any) -> str:
    """Return the text of a part that is JSON."""
    return orjson.dumps(value).decode()
