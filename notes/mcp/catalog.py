"""Which tools there are, in the words that a model reads."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from rest_framework.serializers import Serializer

from notes.api.base import READ, WRITE
from notes.mcp.serializers import MAX_PAGE, MAX_QUERY, PAGE, ListInput, ReadInput, SearchInput
from notes.serializers import MAX_URL, NoteInput
from notes.text import MAX_TAG, MAX_TAGS, MAX_TITLE

Schema = dict[str, Any]
INSTRUCTIONS = (
    "The notes that the user keeps in Parley: Markdown with a title and tags. Save what the user asks to keep, word "
    "for word. To find something use search_notes, then read_note with the id; long notes come in parts."
)


@dataclass(frozen=True, slots=True)
class McpTool:
    """`scope` is what an app must have been granted; `serializer` checks what `input_schema` describes."""

    name: str
    title: str
    description: str
    scope: str
    serializer: type[Serializer[Any]]
    input_schema: Schema
    output_schema: Schema

    @property
    def writes(self) -> bool:
        return self.scope == WRITE


def _object(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _whole(**properties: Schema) -> Schema:
    return _object(list(properties), **properties)


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
_PAGING: Schema = {
    "tag": _text("Only notes with this tag.", maxLength=2 * MAX_TAG),
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE, "description": "Notes a page."},
    "cursor": _text("The `next_cursor` of the page before.", format="uuid"),
}
_NEW = _object(
    ["content"],
    content=_text(
        "The text as Markdown, exactly as it shall be kept.", minLength=1, maxLength=settings.MAX_MESSAGE_CHARS
    ),
    title=_text("A title; without one, the first heading or line of the content.", maxLength=MAX_TITLE),
    tags={
        "type": "array",
        "maxItems": MAX_TAGS,
        "items": {"type": "string", "maxLength": MAX_TAG},
        "description": "Short labels to find the note by, such as `recipe`.",
    },
    source_url=_text("The http(s) address of the page it is from, if any.", maxLength=MAX_URL),
)
_WANTED = _object(
    ["id"],
    id=_text("The note's id, as search_notes, list_notes and save_note give it.", format="uuid"),
    offset={"type": "integer", "minimum": 0, "default": 0, "description": "Characters of the content to leave out."},
)
_QUERY = _text("Words that must all occur in title, content or tags, in any case.", minLength=1, maxLength=MAX_QUERY)

_ALL = [
    McpTool("save_note", "Save a note",
        "Saves a note for the user. Use it when the user asks to keep, save or remember something. "
        "Exactly the same note once more is found again instead of saved twice.",
        WRITE, NoteInput, _NEW, _SAVED),
    McpTool("search_notes", "Search the notes",
        "Finds the user's notes by words and tag, newest first, with the beginning of each; read_note gives it all.",
        READ, SearchInput, _object(["query"], query=_QUERY, **_PAGING), _PAGE),
    McpTool("list_notes", "List the notes",
        "Lists the user's notes, newest first, with the beginning of each; read_note gives it all.",
        READ, ListInput, _object([], **_PAGING), _PAGE),
    McpTool("read_note", "Read a note",
        "Returns a note with its content. A long one comes in parts: where `truncated` is true, call again with "
        "`offset` set to `next_offset`.",
        READ, ReadInput, _WANTED, _NOTE),
]  # fmt: skip
TOOLS = {tool.name: tool for tool in _ALL}
