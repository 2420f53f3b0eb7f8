"""What a tool answers, in at most 100,000 characters: once as a value, once as the text of the same JSON."""

from collections.abc import Callable
from typing import Any

import orjson

from common.json import dumps
from notes.models import Note
from notes.payloads import note_payload, summary_payload
from notes.services import NotePage, Saved

MOST = 97_000  # UTF-16 units, as JavaScript counts characters; the envelope around them takes under 1,000
FIRST_ROOM = 47_000


def structured(result: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return a result as plain JSON values and as text."""
    text = dumps(result)
    return orjson.loads(text), text.decode()


def size(result: dict[str, Any]) -> int:
    """Return how many characters the value and its text take in an answer."""
    text = dumps(result).decode()
    return sum(len(part.encode("utf-16-le")) // 2 for part in (text, dumps(text).decode()))


def saved_result(saved: Saved) -> dict[str, Any]:
    """Return what was saved, without the content, which the caller has."""
    kept = ("title", "length", "tags", "source_url", "created_at", "updated_at")
    return {"id": saved.note.pk, **{name: getattr(saved.note, name) for name in kept}, "created": saved.made}


def note_result(note: Note, offset: int) -> dict[str, Any]:
    """Return a note with as much of its content from `offset` on as there is room for."""
    return _fitting(lambda room: note_payload(note, offset, room), FIRST_ROOM)


def _fitting(make: Callable[[int], dict[str, Any]], room: int) -> dict[str, Any]:
    while (taken := size(result := make(room))) > MOST:
        room = room * MOST // taken * 9 // 10
    return result


def page_result(page: NotePage) -> dict[str, Any]:
    """Return a page, or so much of its beginning as there is room for; `next_cursor` leads to the rest."""
    notes = [summary_payload(summary) for summary in page.notes]
    result = {"notes": notes, "next_cursor": page.before}
    while size(result) > MOST:
        notes.pop()
        result["next_cursor"] = notes[-1]["id"]
    return result
