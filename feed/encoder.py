"""Changes as JSON, and as server-sent events whose `id` is the cursor after each."""

from typing import Any

from chats.services.change_log import ChangeRow, ChangesPage, Position
from common.json import dumps
from feed.serializers import cursor_text


def change_payload(row: ChangeRow) -> dict[str, Any]:
    cursor = cursor_text(row.position)
    told = {"chat": row.chat, "message": row.message, "file": row.file}
    return {"id": cursor, "kind": row.kind, **told, "at": row.at}


def page_payload(page: ChangesPage) -> dict[str, Any]:
    return {"results": [change_payload(row) for row in page.rows], "next": cursor_text(page.next), "more": page.more}


def encode_start(place: Position) -> bytes:
    """Return the first event: where the stream begins, so that a reader which is cut off at once knows it."""
    cursor = cursor_text(place).encode()
    return b'id: %b\nevent: start\ndata: {"next":"%b"}\n\n' % (cursor, cursor)


def encode_changes(page: ChangesPage) -> bytes:
    return b"".join(
        b"id: %b\nevent: change\ndata: %b\n\n" % (cursor_text(row.position).encode(), dumps(change_payload(row)))
        for row in page.rows
    )
