"""The JSON of notes, and how much of it an action can take: 100,000 characters for one answer."""

from dataclasses import asdict
from typing import Any

from common.json import dumps
from notes.models import Note
from notes.services import NoteSummary

ACTION_CHARS = 90_000  # of content; the rest of an answer is under 10,000 characters whatever it holds
ACTION_PAGE = 30  # notes; each is listed in under 3,000 characters


def note_payload(note: Note, offset: int = 0, room: int | None = None) -> dict[str, Any]:
    """Return a note with its content from `offset` on, cut where its JSON would need more than `room` characters."""
    content = note.content[offset:]
    shown = content if room is None else fitting(content, room)
    end = offset + len(shown)
    return {
        "id": note.pk,
        "title": note.title,
        "content": shown,
        "length": note.length,
        "truncated": end < note.length,
        "next_offset": end if end < note.length else None,
        "tags": note.tags,
        "source": note.source,
        "source_url": note.source_url,
        "source_message": note.source_message,
        "created_at": note.created_at,
        "updated_at": note.updated_at,
    }


def summary_payload(summary: NoteSummary) -> dict[str, Any]:
    """Return a note as it is listed."""
    return asdict(summary)


def fitting(text: str, room: int) -> str:
    """Return the beginning of a text that is at most `room` characters long as JSON, as JavaScript counts them."""
    end = min(len(text), room)
    while end > 0 and (size := _size(text[:end])) > room:
        end = min(end - 1, end * room // size)
    return text[:end]


def _size(text: str) -> int:
    return len(dumps(text).decode().encode("utf-16-le")) // 2
