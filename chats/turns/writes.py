"""What the engine writes while a turn runs: its row, its flushes, its holds. Raw SQL: each reply does, every 250 ms.

Every writer locks its turn row with epoch and state in the WHERE first and only then touches message or chunks; a
fence by join would let a late write through under READ COMMITTED. Lock order everywhere: chat, turn, message, usage.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.access import Viewer
from chats.models import State, titled
from chats.rows import MessageRow
from chats.turns.branching import LockedChat, Placement
from chats.turns.requests import TurnRequest
from common.leases import database_now, lease_end
from common.sql import Statement, among, instant, is_postgresql, run_all
from usage.allowance import Charge, Held, raise_hold
from usage.limits import Bound

# Conditions on the state of a turn.
RUNS, WAITS, UNENDED = "state = 'streaming'", "state = 'waiting'", "state IN ('streaming', 'waiting')"
REPLY = "(SELECT reply_id FROM chats_turn WHERE id = %s)"
# A flush whose commit succeeded may still look failed (the connection broke before the answer came); the next one then
# brings the same chunks again, the last of them longer.
INSERT = "INSERT INTO chats_chunk (message_id, at, kind, text) "
AGAIN = " ON CONFLICT (message_id, at) DO UPDATE SET text = excluded.text"
# One parameter for all rows, [[message_id, at, kind, text], ...]: a thousand would take longer to bind than to store.
_INSERT_CHUNKS = {
    "postgresql": INSERT + "SELECT (row->>0)::uuid, (row->>1)::integer, row->>2, row->>3 "
    "FROM json_array_elements(%s) AS row" + AGAIN,
    "sqlite": INSERT + "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), "
    "json_extract(value, '$[3]') FROM json_each(%s) WHERE true" + AGAIN,
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


def insert_turn(
    chat: LockedChat, placed: Placement, viewer: Viewer, request: TurnRequest, category: str, owner: str, now: datetime
) -> Statement:
    """Return the statement that records an accepted turn; one that runs is leased to the process `owner`."""
    reply, at = placed.reply, instant(now)
    runs = reply.state == State.STREAMING
    lease, ended = (lease_end(), None) if runs else ("NULL", at)
    return (
        "INSERT INTO chats_turn (chat_id, number, user_id, question_id, reply_id, state, reason, category, key, "
        "fingerprint, api_key, usage_day, held_tokens, held_cost, lease_owner, lease_until, epoch, stop_requested, "
        "attempts, started_at, ended_at) "
        f"VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 0, %s, {lease}, 1, %s, 0, %s, %s) RETURNING id",
        [
            chat.id, chat.last_turn + 1, viewer.id, placed.question.id, reply.id, reply.state, reply.reason, category,
            request.key or None, request.fingerprint(), viewer.key_id, chat.day if runs else None, owner, False, at,
            ended,
        ],
    )  # fmt: skip


def hold_turn(turn_id: int, hold: Held) -> Statement:
    """Return the statement that notes what a turn, whose row is locked, holds of limits."""
    return (
        "UPDATE chats_turn SET counters = %s, held_tokens = %s, held_cost = %s WHERE id = %s",
        [orjson.dumps(hold.counters).decode(), hold.tokens, hold.cost, turn_id],
    )


@transaction.atomic
def raise_turn(turn_id: int, epoch: int, charge: Charge, spent: tuple[int, int], bound: Bound) -> Held | None:
    """Held what a turn needs to ask once more, having `spent` tokens and cost; None where it is no longer the caller's.

    Raises QuotaExceeded, and nothing changes.
    """
    if not run_all([lock_turn(turn_id, epoch)])[0]:
        return None
    hold = raise_hold(charge, spent, bound, timezone.now())
    run_all([hold_turn(turn_id, hold)])
    return hold


def running_turns(user_id: int) -> Statement:
    """Return the statement that counts the running turns of a user, one just recorded included."""
    return f"SELECT count(*) FROM chats_turn WHERE user_id = %s AND {RUNS}", [user_id]


def move_head(chat: LockedChat, reply: MessageRow, title: str, model: str, now: datetime) -> Statement:
    """Return the statement that makes a new reply the end of the branch shown."""
    return (
        "UPDATE chats_chat SET head_id = %s, last_number = %s, last_turn = %s, title = %s, folded_title = %s, "
        "model = %s, updated_at = %s WHERE id = %s",
        [reply.id, reply.number, chat.last_turn + 1, *titled(title).values(), model, instant(now), chat.id],
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
    return f"FROM chats_turn WHERE {RUNS} AND ({wanted})", params


def _insert_chunks(batch: Iterable[PendingChunks]) -> None:
    rows = [(pending.reply_id.hex, *chunk) for pending in batch for chunk in pending.chunks]
    if rows:
        run_all([_chunks_insert(rows)])


def _chunks_insert(rows: list[tuple[Any, ...]]) -> Statement:
    return _INSERT_CHUNKS[connection.vendor], [orjson.dumps(rows).decode()]


def _still_ours(missing: list[PendingChunks]) -> set[int]:
    """Read the missing rows once more: those still running at our epoch were only locked."""
    chosen, params = _ours(missing)
    return {id_ for (id_,) in run_all([(f"SELECT id {chosen}", params)])[0]}


def resume_turn(turn_id: int, epoch: int, owner: str, day: int) -> int | None:
    """Make a waiting turn, whose chat is locked, run again as its next epoch; None where it has waited too long."""
    _, runs = run_all([
        (f"UPDATE chats_message SET state = %s WHERE id = {REPLY}", [State.STREAMING, turn_id]),
        (
            f"UPDATE chats_turn SET state = %s, epoch = epoch + 1, lease_owner = %s, lease_until = {lease_end()}, "
            "usage_day = %s, counters = NULL, held_tokens = 0, held_cost = 0 "
            f"WHERE id = %s AND epoch = %s AND {WAITS} AND NOT {expired()} RETURNING epoch",
            [State.STREAMING, owner, day, turn_id, epoch],
        ),
    ])  # fmt: skip
    return int(runs[0][0]) if runs else None


def lock_turn(turn_id: int, epoch: int) -> Statement:
    """Return the statement that locks a turn that runs; it finds nothing where that is no longer the caller's."""
    lock = " FOR NO KEY UPDATE" if is_postgresql() else ""
    return f"SELECT id FROM chats_turn WHERE id = %s AND epoch = %s AND {RUNS}{lock}", [turn_id, epoch]


def lock_chat(chat_id: UUID) -> Statement:
    """Return the statement that locks a chat's row and reads whose it is."""
    lock = " FOR NO KEY UPDATE" if is_postgresql() else ""
    return f"SELECT owner_id FROM chats_chat WHERE id = %s{lock}", [chat_id]


def expired() -> str:
    """SQL: the lease of a turn, or the time it may wait, has run out by the database's clock."""
    return f"lease_until < {database_now()}"


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
