"""Forgetting old changes, and remembering how far that went."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chats.services.change_log import Position, read_now
from common.sql import Statement, instant, is_postgresql, run_all

AT_ONCE = 1000  # rows that one statement forgets
NOT_BEGUN = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


def forget_changes() -> int:
    """Forget changes that are older than `CHANGES_KEEP_DAYS`, the oldest thousand at most; return how many."""
    with transaction.atomic():
        [now], gone = run_all([read_now(), _forget(timezone.now() - timedelta(days=settings.CHANGES_KEEP_DAYS))])
        now, places = Position(*now), [Position(*row) for row in gone]
        if own := [place for place in places if place <= now]:
            run_all([_remember_forgotten(max(own), now)])
    return len(gone)


def _forget(before: datetime) -> Statement:
    """Return the statement that deletes the oldest; with them goes what a dump has brought from another cluster."""
    foreign, lock = (f"OR xid >= {NOT_BEGUN}", "FOR UPDATE SKIP LOCKED") if is_postgresql() else ("", "")
    return (
        "DELETE FROM chats_change WHERE id IN (SELECT id FROM chats_change WHERE id IN "
        "(SELECT id FROM chats_change ORDER BY id LIMIT %s) "
        f"AND (at < %s {foreign}) ORDER BY id {lock}) RETURNING xid, id",
        [AT_ONCE, instant(before)],
    )


def _remember_forgotten(place: Position, now: Position) -> Statement:
    """Return the statement that moves the newest place forgotten: forward, unless it is of another cluster."""
    return (
        "INSERT INTO chats_forgottenchanges AS known (id, xid, change) VALUES (1, %s, %s) ON CONFLICT (id) DO UPDATE "
        "SET xid = excluded.xid, change = excluded.change "
        "WHERE (excluded.xid, excluded.change) > (known.xid, known.change) OR known.xid > %s",
        [*place, now.xid],
    )
