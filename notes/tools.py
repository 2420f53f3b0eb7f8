"""The notes as tools for models of our own chats; what they do is what the same tools at `/mcp` do."""

from typing import Annotated, Any
from uuid import UUID

from notes import services
from notes.mcp.results import note_result, page_result, saved_result
from notes.models import Source
from notes.text import MAX_TAG, MAX_TAGS, MAX_TITLE
from tools.functions import Caller, tool

Cursor = Annotated[UUID | None, "The `next_cursor` of the page before."]
Limit = Annotated[int, "Notes a page, at most 50."]
Tag = Annotated[str, "Only notes with this tag."]


@tool(name="save_note", title="Save a note")
def keep_note(
    caller: Caller,
    *,
    content: Annotated[str, "The text as Markdown, exactly as it shall be kept."],
    title: Annotated[str, "A title; without one, the first heading or line of the content."] = "",
    tags: Annotated[list[str], "Short labels to find the note by, such as `recipe`."] = [],  # noqa: B006 - never changed
) -> dict[str, Any]:
    """Saves a note for the user. Use it when the user asks to keep, save or remember something."""
    saved = services.save_note(
        owner_id=caller.user_id, content=content, title=title[:MAX_TITLE],
        tags=[tag[:MAX_TAG] for tag in tags[:MAX_TAGS]], source=Source.API,
    )  # fmt: skip
    return saved_result(saved)


@tool(name="search_notes", title="Search the notes", reads=True)
def search_in_notes(
    caller: Caller,
    *,
    query: Annotated[str, "Words that must all occur in title, content or tags, in any case."],
    tag: Tag = "",
    limit: Limit = 10,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Finds the user's notes by words and tag, newest first, with the beginning of each; read_note gives it all."""
    return _page(caller, query, tag, limit, cursor)


@tool(name="list_notes", title="List the notes", reads=True)
def page_notes(caller: Caller, *, tag: Tag = "", limit: Limit = 10, cursor: Cursor = None) -> dict[str, Any]:
    """Lists the user's notes, newest first, with the beginning of each; read_note gives it all."""
    return _page(caller, "", tag, limit, cursor)


@tool(name="read_note", title="Read a note", reads=True)
def show_note(
    caller: Caller,
    *,
    id: Annotated[UUID, "The note's id, as search_notes, list_notes and save_note give it."],  # noqa: A002
    offset: Annotated[int, "Characters of the content to leave out."] = 0,
) -> dict[str, Any]:
    """Returns a note with its content; where `truncated` is true, call again with `offset` set to `next_offset`."""
    return note_result(services.read_note(owner_id=caller.user_id, note_id=id), max(0, offset))


def _page(caller: Caller, query: str, tag: str, limit: int, cursor: UUID | None) -> dict[str, Any]:
    page = services.list_notes(
        owner_id=caller.user_id, search=query, tag=tag, before=cursor, limit=min(max(1, limit), 50)
    )
    return page_result(page)
