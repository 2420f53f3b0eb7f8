"""Replies that are due: a process keeps the leases of its own, and takes over those whose process is gone."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from chats.models import State, Turn
from common.leases import database_now, lease_end
from common.sql import is_postgresql, uuid_of
from streamchat.models import Reply
from streamchat.reply_poster import Due, due_of, mark_finished
from streamchat.wording import NOTES

AT_A_TIME = 50
GIVE_UP = timedelta(hours=1)
_DUE = (
    "SELECT id FROM streamchat_reply WHERE finished_at IS NULL AND lease_until < {now} ORDER BY id LIMIT {limit} {lock}"
)


def renew(held: Collection[UUID]) -> None:
    """Give the leases of replies that are being seen to here a new end."""
    marks = ", ".join(["%s"] * len(held))
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE streamchat_reply SET lease_until = {lease_end()} WHERE id IN ({marks})", [*held])


def are_due() -> bool:
    """Tell whether any reply has lost its process; reading costs the writers nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE.format(now=database_now(), limit=1, lock=""), [])
        return cursor.fetchone() is not None


def take_over(owner: str) -> list[Due]:
    """Take the replies that have lost their process; what is too old to be of use is given up."""
    lock = "FOR UPDATE SKIP LOCKED" if is_postgresql() else ""
    due = _DUE.format(now=database_now(), limit=AT_A_TIME, lock=lock)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE streamchat_reply SET lease_owner = %s, lease_until = {lease_end()}, attempts = attempts + 1 "
            f"WHERE id IN ({due}) RETURNING id",
            [owner],
        )
        ids = [uuid_of(id_) for (id_,) in cursor.fetchall()]
    rows = Reply.objects.select_related("channel").filter(pk__in=ids)
    return [found for row in rows if (found := _due(row)) is not None]


def _due(row: Reply) -> Due | None:
    """Return what is still owed; a turn recorded under the row's key counts, though the row never heard of it."""
    if row.created_at < timezone.now() - GIVE_UP:
        mark_finished(row.pk, "given_up")
        return None
    due = due_of(row)
    turn = Turn.objects.filter(**_turn_of(row)).order_by("-pk").first()
    if turn is None or row.note:
        return due
    if turn.state == State.BLOCKED and row.reply is None:  # nothing was shown of it, and nothing will be
        return replace(due, note=NOTES[State.BLOCKED][0])
    return replace(due, chat=turn.chat_id, reply=turn.reply_id)


def _turn_of(row: Reply) -> dict[str, object]:
    """Return how the row's turn is found; a key counts for its user alone."""
    return {"reply_id": row.reply} if row.reply else {"user_id": row.channel.owner_id, "key": row.key}
