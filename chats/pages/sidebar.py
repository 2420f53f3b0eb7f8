"""The list of chats beside the one shown."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import timezone

from accounts.access import Claims, Viewer, load_viewer
from chats.history import Bucket
from chats.services.chats import chats_of, history

LABELS = {
    Bucket.TODAY.value: "Today",
    Bucket.YESTERDAY.value: "Yesterday",
    Bucket.SEVEN_DAYS.value: "Previous 7 days",
    "older": "Older",
}
FOUND = 50


def sidebar(viewer: Viewer, chat_id: UUID | None, search: str = "", archived: bool = False) -> dict[str, Any]:
    """Return the groups of chats to list: what was searched for, the archive, or the recent ones by day."""
    if search or archived:
        rows = chats_of(viewer.id).filter(title__icontains=search[:200])
        rows = rows.filter(archived=True) if archived else rows
        groups = [("Archived" if archived else "Found", list(rows.order_by("-updated_at", "-id")[:FOUND]))]
    else:
        groups = _recent(viewer)
    return {
        "groups": [group for group in groups if group[1]],
        "current": chat_id,
        "search": search,
        "archived": archived,
    }


def _recent(viewer: Viewer) -> list[tuple[str, list[dict[str, Any]]]]:
    buckets = history(viewer.id, timezone.now(), ZoneInfo(viewer.timezone))
    pinned = chats_of(viewer.id, archived=False).filter(pinned=True).order_by("-updated_at", "-id")[:FOUND]
    days = [(LABELS[name], [row for row in rows if not row["pinned"]]) for name, rows in buckets.items()]
    return [("Pinned", list(pinned)), *days]


def sidebar_frame(claims: Claims, chat_id: UUID) -> str:
    """Return the frame that brings list and title of an open page up to date."""
    viewer = load_viewer(claims)
    row = chats_of(viewer.id).filter(pk=chat_id).first()
    context = {**sidebar(viewer, chat_id), "chat": row, "oob": True}
    return render_to_string("chat/list.html", context) + render_to_string("chat/title.html", context)
