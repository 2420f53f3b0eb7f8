"""Creating, listing, changing and deleting chats."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.utils import timezone

from chats.changes import log_change
from chats.errors import ChatNotFound, MessageNotFound
from chats.history import Bucket, bucket_edges
from chats.models import Change, Chat, Chunk, Folder, Message, MessageFile, ToolCall, Turn, titled
from chats.services.assistants import beginning
from chats.signals import chats_deleting
from common.errors import Invalid
from common.folding import folded
from common.ids import uuid7
from common.retrying import retry_conflicts
from common.sql import run_all, uuid_of
from files.models import File
from files.sweep import expire
from usage.holds import taking_over

FIELDS = (
    "id", "client_id", "title", "model", "settings", "assistant", "head_id", "pinned", "folder", "created_at",
    "updated_at", "head__role", "head__state", "head__created_at", "excerpt",
)  # fmt: skip
LISTED = (Folder.ACTIVE, Folder.ARCHIVED)  # what lists, history and search know
EXCERPT_CHARS = 200
AT_ONCE = 500  # chats that one statement deletes
# What is in a chat, in the order in which it is deleted; a test compares it with the models.
TABLES = (
    ("chats_toolgrant", "chat_id"),
    ("chats_turn", "chat_id"),
    ("chats_feedback", "chat_id"),
    ("chats_messagefile", "chat_id"),
    ("chats_message", "chat_id"),
    ("chats_chat", "id"),
)


def chats_of(owner_id: int, *folders: Folder, search: str = "") -> "QuerySet[Chat, dict[str, Any]]":
    """Return a user's chats as rows for `chat_payload`, with the beginning of each one's latest message.

    Without folders they are all of them, those that no list shows, too. `search` is looked for in titles, without
    regard to case and accents.
    """
    rows = Chat.objects.filter(owner_id=owner_id).annotate(excerpt=Left("head__content", EXCERPT_CHARS))
    if search:
        rows = rows.filter(folded_title__contains=folded(search))
    if folders:
        rows = rows.filter(folder__in=folders)
    return cast("QuerySet[Chat, dict[str, Any]]", rows.values(*FIELDS))


def get_chat(owner_id: int, chat_id: UUID) -> dict[str, Any]:
    """Return one row; raise ChatNotFound for what is missing or not theirs."""
    row = chats_of(owner_id).filter(pk=chat_id).first()
    if row is None:
        raise ChatNotFound()
    return row


def require_chat(owner_id: int, chat_id: UUID) -> UUID | None:
    """Return the last message of the branch that a user's chat shows; raise ChatNotFound for one that is not theirs."""
    row = Chat.objects.filter(pk=chat_id, owner_id=owner_id).values_list("head_id").first()
    if row is None:
        raise ChatNotFound()
    return row[0]


def chat_owner(chat_id: UUID) -> int | None:
    """Return whose chat it is; None for one that is yet to be made."""
    return Chat.objects.filter(pk=chat_id).values_list("owner_id", flat=True).first()


def require_settings(owner_id: int, chat_id: UUID) -> dict[str, Any]:
    """Return the settings of a user's chat; raise ChatNotFound for one that is not theirs."""
    row = Chat.objects.filter(pk=chat_id, owner_id=owner_id).values_list("settings").first()
    if row is None:
        raise ChatNotFound()
    return dict(row[0])


def create_chat(
    owner_id: int, chat_id: UUID | None, title: str, model: str, settings: dict[str, Any], assistant: UUID | None = None
) -> tuple[UUID, bool]:
    """Make a chat, with what an assistant has for what is not said; return its id and False where it was theirs before.

    Raises ChatNotFound for a foreign id, AssistantNotFound.
    """
    now = timezone.now()
    begun: dict[str, Any] = beginning(owner_id, assistant) if assistant else {"model": "", "settings": {}}
    begun |= {"model": model or begun["model"], "settings": changed_settings(begun["settings"], settings)}
    chat = Chat(
        id=chat_id or uuid7(), owner_id=owner_id, title=title, title_by_user=bool(title), created_at=now,
        updated_at=now, **begun,
    )  # fmt: skip
    with transaction.atomic():
        Chat.objects.bulk_create([chat], ignore_conflicts=True)
        found = Chat.objects.filter(pk=chat.pk).values_list("owner_id", "created_at").first()
        if found is None or found[0] != owner_id:
            raise ChatNotFound()
        if made := found[1] == now:
            log_change(owner_id, Change.Kind.CHAT, chat.pk)
    return chat.pk, made


def change_chat(owner_id: int, chat_id: UUID, values: dict[str, Any]) -> None:
    """Change title, model, settings, pinned, archived or head (any message of the branch to show).

    With an `assistant`, its settings and its model, if it has one, take the place of the chat's; None forgets it alone.
    """
    changes = _with_assistant(owner_id, values)
    changes |= {name: values[name] for name in ("title", "model", "pinned") if name in values}
    if "title" in changes:
        changes |= {**titled(changes["title"]), "title_by_user": True}
    with transaction.atomic():
        chat = Chat.objects.select_for_update().filter(pk=chat_id, owner_id=owner_id).first()
        if chat is None:
            raise ChatNotFound()
        if "settings" in values:
            changes["settings"] = changed_settings(changes.get("settings", chat.settings), values["settings"])
        if "archived" in values:
            changes["folder"] = _folder_of(chat, values["archived"])
        if "head" in values:
            changes["head_id"] = newest_below(chat_id, values["head"])
        if changes:
            Chat.objects.filter(pk=chat_id).update(**changes)
        if any(getattr(chat, name) != value for name, value in changes.items() if name != "title_by_user"):
            log_change(owner_id, Change.Kind.CHAT, chat_id)


def _with_assistant(owner_id: int, values: dict[str, Any]) -> dict[str, Any]:
    if "assistant" not in values:
        return {}
    if values["assistant"] is None:
        return {"assistant": None}
    begun = beginning(owner_id, values["assistant"])
    return begun if begun["model"] else {name: begun[name] for name in ("assistant", "settings")}


def changed_settings(settings: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    """Return settings with some of them changed; what is null goes back to the default, and so does all for None."""
    merged = {} if changes is None else {**settings, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _folder_of(chat: Chat, archived: bool) -> str:
    """Return the folder that a chat goes to; out of one that no list shows, `archived` leads nowhere."""
    if chat.folder in LISTED:
        return Folder.ARCHIVED if archived else Folder.ACTIVE
    if archived:
        raise Invalid(errors={"archived": ["This chat cannot be archived: it is temporary, or in the trash."]})
    return chat.folder


def newest_below(chat_id: UUID, message_id: UUID, steps: int = 2**31 - 1) -> UUID:
    """Return the leaf that is reached from a message by its newest answer, and so on, or what so many steps lead to."""
    if not Message.objects.filter(pk=message_id, chat_id=chat_id).exists():
        raise MessageNotFound()
    newest = "(SELECT id FROM chats_message c WHERE c.parent_id = path.id ORDER BY c.number DESC LIMIT 1)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE path (id, depth) AS (SELECT id, 1 FROM chats_message WHERE id = %s UNION ALL "
            f"SELECT {newest}, path.depth + 1 FROM path WHERE path.id IS NOT NULL AND path.depth <= %s) "
            "SELECT id FROM path WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1",
            [message_id, steps],
        )
        return uuid_of(cursor.fetchone()[0])


def delete_chat(owner_id: int, chat_id: UUID) -> None:
    """Delete a chat with everything in it; a running reply ends, and what it still writes is refused."""
    retry_conflicts(_delete_one, owner_id, chat_id)


@transaction.atomic
def _delete_one(owner_id: int, chat_id: UUID) -> None:
    if not _delete(pk=chat_id, owner_id=owner_id):
        raise ChatNotFound()
    log_change(owner_id, Change.Kind.CHAT_DELETED, chat_id)


def delete_all_chats(owner_id: int) -> None:
    """Delete every chat of a user, inside the caller's transaction."""
    _delete(owner_id=owner_id)


def _delete(**chosen: Any) -> int:
    """Delete in the one lock order: chats, turns, messages with what belongs to them."""
    with transaction.atomic():
        chats = Chat.objects.filter(**chosen).order_by("pk").select_for_update()
        ids = list(chats.values_list("pk", flat=True))
        for start in range(0, len(ids), AT_ONCE):
            _delete_some(ids[start : start + AT_ONCE])
    return len(ids)


# What runs is booked all the same, by whoever runs it: its turn leaves behind of what it holds, and on whom.
_RUNNING = (
    "SELECT t.reply_id, 'reply', t.user_id, t.api_key, t.usage_day, c.day, t.chat_id, t.reply_id, m.provider, "
    "m.model, t.counters, t.held_tokens, t.held_cost, 0, CASE WHEN t.counters IS NULL THEN 0 ELSE 1 END, "
    "t.started_at, t.lease_until FROM chats_turn t JOIN chats_message m ON m.id = t.reply_id "
    "JOIN usage_counter c ON c.id = t.usage_day WHERE t.state = 'streaming'"
)


def _delete_some(ids: list[UUID]) -> None:
    """Delete table by table: Django's own cascade would load every message, to follow the keys among them."""
    list(Turn.objects.filter(chat_id__in=ids).order_by("pk").select_for_update().values_list("pk"))
    marks = ", ".join(["%s"] * len(ids))
    run_all([taking_over(f"{_RUNNING} AND t.chat_id IN ({marks})", ids)])
    chats_deleting.send(Chat, ids=ids)
    Chunk.objects.filter(message__chat_id__in=ids).delete()
    ToolCall.objects.filter(turn__chat_id__in=ids).delete()
    Chat.objects.filter(pk__in=ids).update(head=None)
    files = list(MessageFile.objects.filter(chat_id__in=ids).values_list("file_id", flat=True).distinct())
    with connection.cursor() as cursor:
        for table, column in TABLES:
            cursor.execute(f"DELETE FROM {table} WHERE {column} IN ({marks})", ids)
    if files:
        expire(File.objects.filter(pk__in=files))


def in_bucket(owner_id: int, bucket: Bucket, now: datetime, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Return the ten newest chats made within a bucket (the seed's rule: by `created_at`)."""
    start, end = bucket_edges(bucket, now, zone)
    chats = Chat.objects.filter(owner_id=owner_id, folder__in=LISTED, created_at__gte=start, created_at__lt=end)
    return [dict(row) for row in chats.order_by("-created_at", "-id").values("id", "title", "created_at")[:10]]


def history(owner_id: int, now: datetime, zone: ZoneInfo, limit: int = 50) -> dict[str, list[dict[str, Any]]]:
    """Return today, yesterday, seven_days and older by last activity, archived chats left out."""
    chats = chats_of(owner_id, Folder.ACTIVE).order_by("-updated_at", "-id")
    edges = {bucket: bucket_edges(bucket, now, zone) for bucket in Bucket}
    buckets = {
        bucket.value: list(chats.filter(updated_at__gte=start, updated_at__lt=end)[:limit])
        for bucket, (start, end) in edges.items()
        if bucket is not Bucket.TODAY
    }
    today = list(chats.filter(updated_at__gte=edges[Bucket.TODAY][0])[:limit])
    older = list(chats.filter(updated_at__lt=edges[Bucket.SEVEN_DAYS][0])[:limit])
    return {"today": today, **buckets, "older": older}
