"""What the engine writes: flushes, ends, stop marks. Raw SQL: this runs for every reply, every 250 ms.

Every writer locks its turn row with epoch and state in the WHERE first and only then touches message or pieces; a
fence by join would let a late write through under READ COMMITTED. Lock order everywhere: chat, turn, message, usage.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from chats.models import State
from chats.tree import MessageRow, Part, columns, count_siblings, layout_of, row_of
from common.sql import instant, is_postgresql, uuid_of
from usage.quota import settle

# A flush whose commit succeeded may still look failed (the connection broke before the answer came); the next one then
# brings the same pieces again, the last of them longer.
_INSERT_PIECE = (
    "INSERT INTO chats_piece (turn_id, at, kind, text) VALUES (%s, %s, %s, %s) "
    "ON CONFLICT (turn_id, at) DO UPDATE SET text = excluded.text"
)


@dataclass(slots=True)
class Unsaved:
    """New pieces of one running turn: [(offset, kind, text)]; may be empty, to renew the lease alone."""

    turn_id: int
    epoch: int
    pieces: list[tuple[int, str, str]]


@dataclass(slots=True)
class Flushed:
    """What became of a flush: turn ids that were saved, asked to stop, or no longer ours; the rest is locked."""

    saved: set[int] = field(default_factory=set)
    stopped: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Outcome:
    """How a turn ended. `parts` is the whole text of the reply, or None to take what is stored."""

    state: str
    reason: str
    parts: list[Part] | None = None
    model: str = ""
    provider: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    attempts: int = 1


def database_now() -> str:
    """SQL for the database's own clock, in the form in which instants are stored."""
    return "clock_timestamp()" if is_postgresql() else "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')"


def lease_end() -> str:
    """SQL for the instant at which a lease given now expires."""
    seconds = settings.LEASE_SECONDS
    if is_postgresql():
        return f"clock_timestamp() + interval '{seconds} seconds'"
    return f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', '+{seconds} seconds')"


def flush(batch: list[Unsaved]) -> Flushed:
    """Save the new pieces of many replies and renew their leases in one transaction."""
    with transaction.atomic():
        rows = _renew(batch)
        result = Flushed(saved={id_ for id_, _ in rows}, stopped={id_ for id_, stop in rows if stop})
        _insert_pieces(unsaved for unsaved in batch if unsaved.turn_id in result.saved)
    missing = [unsaved for unsaved in batch if unsaved.turn_id not in result.saved]
    if missing:
        result.lost = {unsaved.turn_id for unsaved in missing} - _still_ours(missing)
    return result


def _renew(batch: list[Unsaved]) -> list[tuple[int, bool]]:
    mine = ", ".join(["(%s, %s)"] * len(batch))
    params = [value for unsaved in batch for value in (unsaved.turn_id, unsaved.epoch)]
    chosen = f"SELECT id FROM chats_turn WHERE (id, epoch) IN (VALUES {mine}) AND state = 'streaming'"
    if is_postgresql():
        chosen += " ORDER BY id FOR NO KEY UPDATE SKIP LOCKED"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE chats_turn SET lease_until = {lease_end()} WHERE id IN ({chosen}) RETURNING id, stop_requested",
            params,
        )
        return [(id_, bool(stop)) for id_, stop in cursor.fetchall()]


def _insert_pieces(batch: Iterable[Unsaved]) -> None:
    rows = [(unsaved.turn_id, *piece) for unsaved in batch for piece in unsaved.pieces]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_INSERT_PIECE, rows)


def _still_ours(missing: list[Unsaved]) -> set[int]:
    """Read the missing rows once more: those still running at our epoch were only locked."""
    marks = ", ".join(["(%s, %s)"] * len(missing))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM chats_turn WHERE (id, epoch) IN (VALUES {marks}) AND state = 'streaming'",
            [value for unsaved in missing for value in (unsaved.turn_id, unsaved.epoch)],
        )
        return {id_ for (id_,) in cursor.fetchall()}


def finish(turn_id: int, epoch: int, outcome: Outcome) -> MessageRow | None:
    """End a turn in one transaction and return its reply, or None where another writer ended it before."""
    with transaction.atomic(), connection.cursor() as cursor:
        lock = "FOR NO KEY UPDATE OF c" if is_postgresql() else ""
        cursor.execute(
            "SELECT c.id FROM chats_chat c JOIN chats_turn t ON t.chat_id = c.id WHERE t.id = %s " + lock, [turn_id]
        )
        now = instant(timezone.now())
        cursor.execute(
            "UPDATE chats_turn SET state = %s, reason = %s, attempts = %s, ended_at = %s, lease_until = NULL "
            "WHERE id = %s AND epoch = %s AND state = 'streaming' RETURNING chat_id, reply_id, usage_day",
            [outcome.state, outcome.reason, outcome.attempts, now, turn_id, epoch],
        )
        if (ended := cursor.fetchone()) is None:
            return None
        chat_id, reply_id, day_id = uuid_of(ended[0]), uuid_of(ended[1]), ended[2]
        row = _write_reply(cursor, turn_id, reply_id, outcome)
        cursor.execute("DELETE FROM chats_piece WHERE turn_id = %s", [turn_id])
        cursor.execute("UPDATE chats_chat SET updated_at = %s WHERE id = %s", [now, chat_id])
        if day_id is not None:
            tokens = (outcome.prompt_tokens or 0) + (outcome.completion_tokens or 0)
            settle(day_id, tokens, refund=row.length == 0)
    count_siblings(chat_id, [row])
    return row


def _write_reply(cursor: Any, turn_id: int, reply_id: UUID, outcome: Outcome) -> MessageRow:
    row = _read_locked(cursor, reply_id)
    row.parts = row.parts if outcome.parts is None else outcome.parts
    row.state, row.reason = outcome.state, outcome.reason
    row.model, row.provider = outcome.model or row.model, outcome.provider or row.provider
    row.prompt_tokens, row.completion_tokens = outcome.prompt_tokens, outcome.completion_tokens
    layout = layout_of(row.parts)
    cursor.execute(
        "UPDATE chats_message SET content = %s, reasoning = %s, layout = %s, state = %s, reason = %s, model = %s, "
        "provider = %s, prompt_tokens = %s, completion_tokens = %s WHERE id = %s",
        [
            row.content, row.reasoning, None if layout is None else orjson.dumps(layout).decode(), row.state,
            row.reason, row.model, row.provider, row.prompt_tokens, row.completion_tokens, reply_id,
        ],
    )  # fmt: skip
    return row


def _read_locked(cursor: Any, reply_id: UUID) -> MessageRow:
    cursor.execute(f"SELECT {columns()} FROM chats_message m WHERE m.id = %s", [reply_id])
    return row_of(cursor.fetchone())


def request_stop(chat_id: UUID) -> tuple[UUID, str] | None:
    """Leave a durable stop mark on the running turn of a chat; return its reply's id and the process that runs it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE chats_turn SET stop_requested = %s WHERE chat_id = %s AND state = %s "
            "RETURNING reply_id, lease_owner",
            [True, chat_id, State.STREAMING],
        )
        row = cursor.fetchone()
    return (uuid_of(row[0]), row[1]) if row else None


def expired_turns() -> list[tuple[int, int]]:
    """Return (id, epoch) of running turns whose lease has expired by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, epoch FROM chats_turn WHERE state = 'streaming' AND lease_until < {database_now()} "
            "ORDER BY id LIMIT 1000",
            [],
        )
        return [(id_, epoch) for id_, epoch in cursor.fetchall()]


def forget_keys() -> int:
    """Clear idempotency keys that have expired, a thousand at most; return how many there were."""
    lock = "FOR UPDATE SKIP LOCKED" if is_postgresql() else ""
    cutoff = instant(timezone.now() - timedelta(hours=settings.IDEMPOTENCY_HOURS))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE chats_turn SET key = NULL, fingerprint = '' WHERE id IN (SELECT id FROM chats_turn "
            f"WHERE key IS NOT NULL AND started_at < %s ORDER BY started_at LIMIT 1000 {lock})",
            [cutoff],
        )
        return int(cursor.rowcount)
