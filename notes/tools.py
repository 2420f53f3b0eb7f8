"""The notes as tools: for models of our own chats, and at `/mcp` for apps that a user has let in."""

from typing import Annotated, Any
from uuid import UUID

from django.conf import settings

from common.views import checked
from notes import services
from notes.mcp.results import note_result, page_result, saved_result
from notes.models import Source
from notes.serializers import MAX_URL, NoteInput
from notes.text import MAX_TAG, MAX_TAGS, MAX_TITLE
from tools.functions import Caller, tool
from tools.signature import Bounds

MAX_PAGE, PAGE = 30, 20
MAX_QUERY = 200
Cursor = Annotated[UUID | None, "The `next_cursor` of the page before."]
Limit = Annotated[int, "Notes a page.", Bounds(ge=1, le=MAX_PAGE)]
Tag = Annotated[str, "Only notes with this tag.", Bounds(max_length=2 * MAX_TAG)]
Tags = list[Annotated[str, Bounds(max_length=MAX_TAG)]]


@tool(name="save_note", title="Save a note")
def keep_note(
    caller: Caller,
    *,
    content: Annotated[
        str, "The text as Markdown, exactly as it shall be kept.", Bounds(1, settings.MAX_MESSAGE_CHARS)
    ],
    title: Annotated[
        str, "A title; without one, the first heading or line of the content.", Bounds(max_length=MAX_TITLE)
    ] = "",
    tags: Annotated[Tags, "Short labels to find the note by, such as `recipe`.", Bounds(max_length=MAX_TAGS)] = [],  # noqa: B006
    source_url: Annotated[str, "The http(s) address of the page it is from, if any.", Bounds(max_length=MAX_URL)] = "",
) -> dict[str, Any]:
    """Saves a note for the user. Use it when the user asks to keep, save or remember something.

    Exactly the same note once more is found again instead of saved twice.
    """
    note = checked(NoteInput, {"content": content, "title": title, "tags": tags, "source_url": source_url})
    source = Source.API if caller.chat_id else Source.CHATGPT
    return saved_result(services.save_note(owner_id=caller.user_id, source=source, **note))


@tool(name="search_notes", title="Search the notes", reads=True)
def search_in_notes(
    caller: Caller,
    *,
    query: Annotated[str, "Words that must all occur in title, content or tags, in any case.", Bounds(1, MAX_QUERY)],
    tag: Tag = "",
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Finds the user's notes by words and tag, newest first, with the beginning of each; read_note gives it all."""
    return _page(caller, query, tag, limit, cursor)


@tool(name="list_notes", title="List the notes", reads=True)
def page_notes(caller: Caller, *, tag: Tag = "", limit: Limit = PAGE, cursor: Cursor = None) -> dict[str, Any]:
    """Lists the user's notes, newest first, with the beginning of each; read_note gives it all."""
    return _page(caller, "", tag, limit, cursor)


@tool(name="read_note", title="Read a note", reads=True)
def show_note(
    caller: Caller,
    *,
    id: Annotated[UUID, "The note's id, as search_notes, list_notes and save_note give it."],  # noqa: A002
    offset: Annotated[int, "Characters of the content to leave out.", Bounds(ge=0, le=2**31 - 1)] = 0,
) -> dict[str, Any]:
    """Returns a note with its content.

    A long one comes in parts: where `truncated` is true, call again with `offset` set to `next_offset`.
    """
    return note_result(services.read_note(owner_id=caller.user_id, note_id=id), offset)


def _page(caller: Caller, query: str, tag: str, limit: int, cursor: UUID | None) -> dict[str, Any]:
    return page_result(services.list_notes(owner_id=caller.user_id, search=query, tag=tag, before=cursor, limit=limit))
