"""Tool calls in words: what templates show of them."""

import json
import re
from typing import Any
from uuid import UUID

from chats.pages.rendering.outline import Call
from chats.parts import COMPLETE, DENIED, FAILED, RUNNING, UNKNOWN, WAITING
from chats.turns.events import Waiting

SHOWN = 2_000  # characters of an input or output; all of an input that somebody is asked about
WRITING = "writing"  # state of a call whose arguments are still being written
WORDS = {
    WRITING: "being written…",
    RUNNING: "running…",
    WAITING: "waits for your decision",
    FAILED: "failed",
    DENIED: "not allowed",
    UNKNOWN: "unknown: it may or may not have been done",
}
LABELS = {FAILED: "Error", DENIED: "Reason"}
# Letters that nobody sees, or that turn the others around.
_UNSEEN = re.compile("[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")


def call_view(reply: UUID, call: Call, waiting: Waiting | None = None) -> dict[str, Any]:
    """Return what the templates of a call need; `asks` where its user is asked about it."""
    given, output = _readable(call["input"]), call.get("output") or call.get("error", "")
    asks = call["state"] == WAITING and waiting is not None and call["id"] in asked_by(waiting)
    return {
        "dom": call_dom(reply, call["id"]),
        "id": call["id"],
        "name": call["name"],
        "title": call.get("title") or call["name"],
        "state": call["state"],
        "words": _words(call, waiting),
        "asks": asks,
        "until": waiting.expires_at if waiting else None,
        "input": given if asks else given[:SHOWN],
        "input_rest": "" if asks else _rest(len(given)),
        "output": output[:SHOWN],
        "output_rest": _rest(call.get("length", len(output))),
        "output_label": LABELS.get(call["state"], "Output"),
    }


def call_dom(reply: UUID, call: str) -> str:
    """Return the id of a call's element."""
    return f"m-{reply}-c-{call}"


def asked_by(waiting: Waiting) -> set[str]:
    """Return the ids of the calls that are still to be decided on."""
    return {call["id"] for call in waiting.calls}


def _rest(length: int) -> str:
    return f"The first {SHOWN:,} of {length:,} characters" if length > SHOWN else ""


def _words(call: Call, waiting: Waiting | None) -> str:
    if call["state"] == COMPLETE:
        return f"done in {max(call.get('seconds', 0), 0.1):.1f} s"
    if call["state"] == WAITING and waiting and call["id"] not in asked_by(waiting):
        return "decided"
    return WORDS[call["state"]]


def _readable(given: Any) -> str:
    """Return an input as indented JSON that hides nothing; as it is where it is none."""
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, indent=2)
    return _UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text)
