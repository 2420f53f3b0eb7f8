"""Creating, listing, changing and deleting chats."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.utils import timezone

from chats.errors import ChatNotFound, MessageNotFound
from chats.history import Bucket, bucket_edges
from chats.models import Chat, Message
from common.ids import uuid7
from common.retrying import retry_conflicts
from common.sql import is_postgresql, uuid_of

FIELDS = (
    "id", "client_id", "title", "model", "head_id", "pinned", "archived", "created_at", "updated_at",
    "head__role", "head__state", "head__created_at", "excerpt",
)  # fmt: skip
EXCERPT_CHARS = 200


def chats_of(owner_id: int, archived: bool | None = None) -> "QuerySet[Chat, dict[str, Any]]":
    """Return a user's chats as rows for `chat_payload`, with the beginning of each one's latest message."""
    rows = Chat.objects.filter(owner_id=owner_id).annotate(excerpt=Left("head__content", EXCERPT_CHARS))
    if archived is not None:
        rows = rows.filter(archived__in=[archived])  # not `NOT archived`: SQLite finds no index for that
    return cast("QuerySet[Chat, dict[str, Any]]", rows.values(*FIELDS))


def get_chat(owner_id: int, chat_id: UUID) -> dict[str, Any]:
    """Return one row; raise ChatNotFound for what is missing or not theirs."""
    row = chats_of(owner_id).filter(pk=chat_id).first()
    if row is None:
        raise ChatNotFound()
    return row


def create_chat(owner_id: int, chat_id: UUID | None, title: str, model: str) -> tuple[UUID, bool]:
    """Make a chat; return its id and False where it existed and is theirs already.

    Raises ChatNotFound for a foreign id.
    """
    now = timezone.now()
    chat = Chat(
        id=chat_id or uuid7(), owner_id=owner_id, title=title, title_by_user=bool(title), model=model,
        created_at=now, updated_at=now,
    )  # fmt: skip
    Chat.objects.bulk_create([chat], ignore_conflicts=True)
    found = Chat.objects.filter(pk=chat.pk).values_list("owner_id", "created_at").first()
    if found is None or found[0] != owner_id:
        raise ChatNotFound()
    return chat.pk, found[1] == now


def change_chat(owner_id: int, chat_id: UUID, values: dict[str, Any]) -> None:
    """Change title, model, pinned, archived or head (any message of the branch to show)."""
    changes: dict[str, Any] = {
        name: values[name] for name in ("title", "model", "pinned", "archived") if name in values
    }
    if "title" in changes:
        changes["title_by_user"] = True
    with transaction.atomic():
        chat = Chat.objects.select_for_update().filter(pk=chat_id, owner_id=owner_id).first()
        if chat is None:
            raise ChatNotFound()
        if "head" in values:
            changes["head_id"] = newest_below(chat_id, values["head"])
        if changes:
            Chat.objects.filter(pk=chat_id).update(**changes)


def newest_below(chat_id: UUID, message_id: UUID) -> UUID:
    """Return the leaf that is reached from a message by its newest answer, and so on."""
    if not Message.objects.filter(pk=message_id, chat_id=chat_id).exists():
        raise MessageNotFound()
    newest = "(SELECT id FROM chats_message c WHERE c.parent_id = path.id ORDER BY c.number DESC LIMIT 1)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE path (id, depth) AS (SELECT id, 1 FROM chats_message WHERE id = %s UNION ALL "
            f"SELECT {newest}, path.depth + 1 FROM path WHERE path.id IS NOT NULL) "
            "SELECT id FROM path WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1",
            [message_id],
        )
        return uuid_of(cursor.fetchone()[0])


def delete_chat(owner_id: int, chat_id: UUID) -> None:
    """Delete a chat with everything in it; a running reply ends, and what it still writes is refused."""
    if not retry_conflicts(_delete, "id = %s AND owner_id = %s", [chat_id, owner_id]):
        raise ChatNotFound()


def delete_all_chats(owner_id: int) -> None:
    """Delete every chat of a user, inside the caller's transaction."""
    _delete("owner_id = %s", [owner_id])


def _delete(condition: str, params: list[Any]) -> int:
    """Delete in the one lock order: chats, turns with their pieces, messages."""
    lock = "ORDER BY id FOR UPDATE" if is_postgresql() else ""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM chats_chat WHERE {condition} {lock}", params)
        ids = [uuid_of(id_) for (id_,) in cursor.fetchall()]
        for start in range(0, len(ids), 500):
            _delete_some(cursor, ids[start : start + 500])
    return len(ids)


def _delete_some(cursor: Any, ids: list[UUID]) -> None:
    marks = ", ".join(["%s"] * len(ids))
    lock = "ORDER BY id FOR UPDATE" if is_postgresql() else ""
    cursor.execute(f"SELECT id FROM chats_turn WHERE chat_id IN ({marks}) {lock}", ids)
    cursor.execute(
        f"DELETE FROM chats_piece WHERE turn_id IN (SELECT id FROM chats_turn WHERE chat_id IN ({marks}))", ids
    )
    cursor.execute(f"UPDATE chats_chat SET head_id = NULL WHERE id IN ({marks})", ids)
    for table in ("chats_turn", "chats_feedback", "chats_message", "chats_chat"):
        column = "id" if table == "chats_chat" else "chat_id"
        cursor.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", ids)


def in_bucket(owner_id: int, bucket: Bucket, now: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Return the ten newest chats made within a bucket (the seed's rule: by `created_at`)."""
    start, end = bucket_edges(bucket, now, zone)
    chats = Chat.objects.filter(owner_id=owner_id, created_at__gte=start, created_at__lt=end)
    return [dict(row) for row in chats.order_by("-created_at", "-id").values("id", "title", "created_at")[:10]]


def history(owner_id: int, now: datetime, zone: ZoneInfo, limit: int = 50) -> dict[str, list[dict[str, Any]]]:
    """Return today, yesterday, seven_days and older by last activity, archived chats left out."""
    chats = chats_of(owner_id, archived=False).order_by("-updated_at", "-id")
    edges = {bucket: bucket_edges(bucket, now, zone) for bucket in Bucket}
    buckets = {
        bucket.value: list(chats.filter(updated_at__gte=start, updated_at__lt=end)[:limit])
        for bucket, (start, end) in edges.items()
        if bucket is not Bucket.TODAY
    }
    today = list(chats.filter(updated_at__gte=edges[Bucket.TODAY][0])[:limit])
    older = list(chats.filter(updated_at__lt=edges[Bucket.SEVEN_DAYS][0])[:limit])
    return {"today": today, **buckets, "older": older}
