"""Which of `notes.tools` are offered, what an app needs for each, and the form of their answers."""

from typing import Any

from notes.api.base import READ, WRITE
from tools.functions import Tool, registered_tools

Schema = dict[str, Any]
INSTRUCTIONS = (
    "The notes that the user keeps in Parley: Markdown with a title and tags. Save what the user asks to keep, word "
    "for word. To find something use search_notes, then read_note with the id; long notes come in parts."
)


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _whole(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


_ID = _text("The note's id, for read_note.", format="uuid")
_TAGS = {"type": "array", "items": {"type": "string"}, "description": "Labels in lower case."}
_INSTANT = {"type": "string", "format": "date-time"}
_COMMON: Schema = {
    "id": _ID,
    "title": {"type": "string"},
    "length": {"type": "integer", "description": "Characters of the whole content."},
    "tags": _TAGS,
    "created_at": _INSTANT,
    "updated_at": _INSTANT,
}
_SUMMARY = _whole(
    **_COMMON,
    excerpt=_text("The beginning of the content, on one line."),
    source=_text("Where the note came from: message, chatgpt (a connected app), api or link."),
)
_PAGE = _whole(
    notes={"type": "array", "items": _SUMMARY},
    next_cursor={"type": ["string", "null"], "description": "The `cursor` of the next page; null at the end."},
)
_SAVED = _whole(
    **_COMMON,
    source_url=_text("The address given."),
    created={"type": "boolean", "description": "False where the same note had been saved before."},
)
_NOTE = _whole(
    **_COMMON,
    content=_text("Markdown, from `offset` on."),
    truncated={"type": "boolean", "description": "Whether the content goes on."},
    next_offset={"type": ["integer", "null"], "description": "The `offset` to go on reading from."},
    source=_text("Where the note came from."),
    source_url=_text("The page it is from, or empty."),
    source_message={"type": ["string", "null"], "description": "The id of the chat message it is from."},
)
OUTPUTS = {"save_note": _SAVED, "search_notes": _PAGE, "list_notes": _PAGE, "read_note": _NOTE}
TOOLS = {name: registered_tools()[name] for name in OUTPUTS}


def scope_of(tool: Tool) -> str:
    """Return what an app must have been granted."""
    return READ if tool.reads else WRITE
