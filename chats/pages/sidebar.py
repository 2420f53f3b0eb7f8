"""The list of chats beside the one shown."""

from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.access import Claims, Viewer, load_viewer
from chats.history import Bucket
from chats.models import Chat, Folder
from chats.services.chats import LISTED, chats_of, history

LABELS = {
    Bucket.TODAY.value: "Today",
    Bucket.YESTERDAY.value: "Yesterday",
    Bucket.SEVEN_DAYS.value: "Previous 7 days",
    "older": "Older",
}
FOUND = 50
LAST_ID = UUID(int=2**128 - 1)
Rows = list[dict[str, Any]]


def sidebar(
    viewer: Viewer, chat_id: UUID | None, search: str = "", archived: bool = False, before: str = ""
) -> dict[str, Any]:
    """Return the groups of chats to list: what was searched for, the archive, or the recent ones by day.

    `before` is where an earlier list ended. `older` is the query that leads on from a full list, to the very first.
    """
    kept = {"search": search, "archived": "1" if archived else ""}
    if search or archived or before:
        folders = [Folder.ARCHIVED] if archived else LISTED if search else [Folder.ACTIVE]
        page = _page(chats_of(viewer.id, *folders, search=search[:200]), before)
        groups, end = [("Archived" if archived else "Found" if search else "Older", page)], _end(page)
    else:
        groups, end = _recent(viewer)
    older = {name: value for name, value in {**kept, "before": end}.items() if value}
    return {
        "groups": [group for group in groups if group[1]],
        "current": chat_id,
        "search": search,
        "archived": archived,
        "is_part": bool(search or archived or before),
        "older": urlencode(older) if end else "",
    }


def _recent(viewer: Viewer) -> tuple[list[tuple[str, Rows]], str]:
    """Return the pinned ones and the days, and where the first list that is not whole ends."""
    now = timezone.now()
    buckets = history(viewer.id, now, ZoneInfo(viewer.timezone))
    pinned = chats_of(viewer.id, Folder.ACTIVE).filter(pinned=True).order_by("-updated_at", "-id")[:FOUND]
    days = [(LABELS[name], [row for row in rows if not row["pinned"]]) for name, rows in buckets.items()]
    end = next(filter(None, map(_end, buckets.values())), "")
    if len(pinned) >= FOUND:  # more of them may be anywhere
        end = f"{now.isoformat()}_{LAST_ID}"
    return [("Pinned", list(pinned)), *days], end


def _page(rows: "QuerySet[Chat, dict[str, Any]]", before: str) -> Rows:
    instant, _, name = before.partition("_")
    with suppress(ValueError):
        at, last = datetime.fromisoformat(instant), UUID(name)
        rows = rows.filter(Q(updated_at__lt=at) | Q(updated_at=at, pk__lt=last))
    return list(rows.order_by("-updated_at", "-id")[:FOUND])


def _end(rows: Rows) -> str:
    """Return where a full list ends, as `before` takes it; nothing where the list is whole."""
    return f"{rows[-1]['updated_at'].isoformat()}_{rows[-1]['id']}" if len(rows) >= FOUND else ""


def sidebar_frame(claims: Claims, chat_id: UUID) -> str:
    """Return the frame that brings list and title of an open page up to date."""
    viewer = load_viewer(claims)
    row = chats_of(viewer.id).filter(pk=chat_id).first()
    context = {**sidebar(viewer, chat_id), "chat": row, "oob": True}
    return render_to_string("chat/list.html", context) + render_to_string("chat/title.html", context)
