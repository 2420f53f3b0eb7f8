"""What the engine writes: new turns, flushes, ends, stop marks. Raw SQL: this runs for every reply, every 250 ms.

Every writer locks its turn row with epoch and state in the WHERE first and only then touches message or chunks; a
fence by join would let a late write through under READ COMMITTED. Lock order everywhere: chat, turn, message, usage.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from chats.models import State
from chats.rows import MessageRow, Part, columns, row_of, update
from chats.turns.branching import LockedChat, Placement
from chats.turns.requests import TurnRequest
from common.leases import database_now, lease_end
from common.sql import Statement, among, instant, is_postgresql, run_all, uuid_of
from usage.quota import settlement

# A flush whose commit succeeded may still look failed (the connection broke before the answer came); the next one then
# brings the same chunks again, the last of them longer.
_INSERT = "INSERT INTO chats_chunk (message_id, at, kind, text) "
_AGAIN = " ON CONFLICT (message_id, at) DO UPDATE SET text = excluded.text"
# One parameter for all rows, [[message_id, at, kind, text], ...]: a thousand would take longer to bind than to store.
_INSERT_CHUNKS = {
    "postgresql": _INSERT + "SELECT (row->>0)::uuid, (row->>1)::integer, row->>2, row->>3 "
    "FROM json_array_elements(%s) AS row" + _AGAIN,
    "sqlite": _INSERT + "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), "
    "json_extract(value, '$[3]') FROM json_each(%s) WHERE true" + _AGAIN,
}


@dataclass(slots=True)
class PendingChunks:
    """New chunks of one running turn: [(offset, kind, text)]; may be empty, to renew the lease alone."""

    turn_id: int
    epoch: int
    reply_id: UUID
    chunks: list[tuple[int, str, str]]


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


def insert_turn(
    chat: LockedChat, placed: Placement, user_id: int, request: TurnRequest, category: str, owner: str, now: datetime
) -> Statement:
    """Return the statement that records an accepted turn; one that runs is leased to the process `owner`."""
    reply, at = placed.reply, instant(now)
    runs = reply.state == State.STREAMING
    lease, ended = (lease_end(), None) if runs else ("NULL", at)
    return (
        "INSERT INTO chats_turn (chat_id, number, user_id, question_id, reply_id, state, reason, category, key, "
        "fingerprint, usage_day, lease_owner, lease_until, epoch, stop_requested, attempts, started_at, ended_at) "
        f"VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, {lease}, 1, %s, 0, %s, %s) RETURNING id",
        [
            chat.id, chat.last_turn + 1, user_id, placed.question.id, reply.id, reply.state, reply.reason, category,
            request.key or None, request.fingerprint(), chat.day if runs else None, owner, False, at, ended,
        ],
    )  # fmt: skip


def running_turns(user_id: int) -> Statement:
    """Return the statement that counts the running turns of a user, one just recorded included."""
    return "SELECT count(*) FROM chats_turn WHERE user_id = %s AND state = 'streaming'", [user_id]


def move_head(chat: LockedChat, reply: MessageRow, title: str, model: str, now: datetime) -> Statement:
    """Return the statement that makes a new reply the end of the branch shown."""
    return (
        "UPDATE chats_chat SET head_id = %s, last_number = %s, last_turn = %s, title = %s, model = %s, "
        "updated_at = %s WHERE id = %s",
        [reply.id, reply.number, chat.last_turn + 1, title, model, instant(now), chat.id],
    )


def flush(batch: list[PendingChunks]) -> Flushed:
    """Save the new chunks of many replies and renew their leases in one transaction."""
    with transaction.atomic():
        rows = _renew(batch)
        result = Flushed(saved={id_ for id_, _ in rows}, stopped={id_ for id_, stop in rows if stop})
        _insert_chunks(pending for pending in batch if pending.turn_id in result.saved)
    missing = [pending for pending in batch if pending.turn_id not in result.saved]
    if missing:
        result.lost = {pending.turn_id for pending in missing} - _still_ours(missing)
    return result


def _renew(batch: list[PendingChunks]) -> list[tuple[int, bool]]:
    """Lock and renew those of a batch that are still ours; return their ids and whether they are to stop."""
    chosen, params = _ours(batch)
    lock = "ORDER BY id FOR NO KEY UPDATE SKIP LOCKED" if is_postgresql() else ""
    update = f"UPDATE chats_turn SET lease_until = {lease_end()} WHERE id IN (SELECT id {chosen} {lock})"
    if is_postgresql():
        rows = run_all([(f"{update} RETURNING id, stop_requested", params)])[0]
    else:  # one row: with every row of SQLite's the GIL changes hands, and the loop has to win it back
        read = f"SELECT json_group_array(json_array(id, stop_requested)) {chosen}"
        rows = orjson.loads(run_all([(update, params), (read, params)])[1][0][0])
    return [(id_, bool(stop)) for id_, stop in rows]


def _ours(batch: list[PendingChunks]) -> tuple[str, list[Any]]:
    """Return FROM and WHERE for the running turns of a batch at our epochs; of these there are hardly ever two."""
    epochs: dict[int, list[int]] = {}
    for pending in batch:
        epochs.setdefault(pending.epoch, []).append(pending.turn_id)
    member, value = among()
    wanted = " OR ".join([f"(epoch = %s AND id {member})"] * len(epochs))
    params = [part for epoch, ids in epochs.items() for part in (epoch, value(ids))]
    return f"FROM chats_turn WHERE state = 'streaming' AND ({wanted})", params


def _insert_chunks(batch: Iterable[PendingChunks]) -> None:
    rows = [(pending.reply_id.hex, *chunk) for pending in batch for chunk in pending.chunks]
    if rows:
        run_all([(_INSERT_CHUNKS[connection.vendor], [orjson.dumps(rows).decode()])])


def _still_ours(missing: list[PendingChunks]) -> set[int]:
    """Read the missing rows once more: those still running at our epoch were only locked."""
    chosen, params = _ours(missing)
    return {id_ for (id_,) in run_all([(f"SELECT id {chosen}", params)])[0]}


def finish(turn_id: int, epoch: int, outcome: Outcome) -> MessageRow | None:
    """End a turn in one transaction; return its reply, its siblings not counted, or None where it had ended before."""
    with transaction.atomic():
        fence = _fence(turn_id, epoch, outcome)
        if outcome.parts is not None:  # the usual case, in one round trip: what is written behind the fence is undone
            _, ended, *written = run_all([*fence, *_writes(turn_id, outcome, outcome.parts)])
        else:
            _, ended = run_all(fence)
            outcome = replace(outcome, parts=_stored_parts(turn_id))
            written = run_all(_writes(turn_id, outcome, outcome.parts or [])) if ended else []
        if not ended:
            transaction.set_rollback(True)
            return None
    row = row_of(written[0][0])
    row.parts = outcome.parts or []
    return row


def _fence(turn_id: int, epoch: int, outcome: Outcome) -> list[Statement]:
    now = instant(timezone.now())
    return [
        (
            "UPDATE chats_chat SET updated_at = %s WHERE id = (SELECT chat_id FROM chats_turn WHERE id = %s)",
            [now, turn_id],
        ),
        (
            "UPDATE chats_turn SET state = %s, reason = %s, attempts = %s, ended_at = %s, lease_until = NULL "
            "WHERE id = %s AND epoch = %s AND state = 'streaming' RETURNING id",
            [outcome.state, outcome.reason, outcome.attempts, now, turn_id, epoch],
        ),
    ]


def _writes(turn_id: int, outcome: Outcome, parts: list[Part]) -> list[Statement]:
    reply = "(SELECT reply_id FROM chats_turn WHERE id = %s)"
    tokens = (outcome.prompt_tokens or 0) + (outcome.completion_tokens or 0)
    day = "SELECT usage_day FROM chats_turn WHERE id = %s"
    return [
        update(outcome, parts, f"id = {reply}", [turn_id]),
        (f"DELETE FROM chats_chunk WHERE message_id = {reply}", [turn_id]),
        settlement(day, turn_id, tokens, refund=not any(text for _, text in parts)),
    ]


def _stored_parts(turn_id: int) -> list[Part]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {columns()} FROM chats_message m WHERE m.id = (SELECT reply_id FROM chats_turn WHERE id = %s)",
            [turn_id],
        )
        row = cursor.fetchone()
    return row_of(row).parts if row else []


def request_stop(chat_id: UUID, reply_id: UUID | None = None) -> tuple[UUID, str] | None:
    """Leave a durable stop mark on the running turn of a chat; return its reply's id and the process that runs it.

    With a reply's id, only on the turn that makes that one.
    """
    chosen, value = ("AND reply_id = %s", [reply_id]) if reply_id else ("", [])
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE chats_turn SET stop_requested = %s WHERE chat_id = %s AND state = %s {chosen} "
            "RETURNING reply_id, lease_owner",
            [True, chat_id, State.STREAMING, *value],
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
