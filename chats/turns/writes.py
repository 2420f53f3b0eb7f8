"""What the engine writes: turns, flushes, waits, ends, stop marks. Raw SQL: this runs for every reply, every 250 ms.

Every writer locks its turn row with epoch and state in the WHERE first and only then touches message or chunks; a
fence by join would let a late write through under READ COMMITTED. Lock order everywhere: chat, turn, message, usage.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from chats.changes import announce, reply_end_entry
from chats.models import State, titled
from chats.parts import PROVIDER_METADATA, TOOL_OUTPUT, Part, denied
from chats.rows import MessageRow, columns, row_of, update
from chats.turns.branching import LockedChat, Placement
from chats.turns.requests import TurnRequest
from common.leases import database_now, lease_end
from common.sql import Statement, among, instant, is_postgresql, run_all, uuid_of
from usage.quota import settlement

# Conditions on the state of a turn.
RUNS, WAITS, UNENDED = "state = 'streaming'", "state = 'waiting'", "state IN ('streaming', 'waiting')"
_REPLY = "(SELECT reply_id FROM chats_turn WHERE id = %s)"
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
class Wait:
    """What a turn waits for: calls as (id, tool); `resume` is what it goes on with."""

    calls: list[tuple[str, str]]
    resume: dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """How a turn ended, or came to wait. `parts` is the whole reply, or None to take what is stored.

    `settled` of the tokens were booked before; `aside` are chunks beside the reply that no flush has stored yet.
    """

    state: str
    reason: str
    parts: list[Part] | None = None
    model: str = ""
    provider: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_seconds: list[float | None] | None = None
    attempts: int = 1
    settled: int = 0
    aside: list[tuple[int, str, str]] = field(default_factory=list)
    wait: Wait | None = None


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


def finish(turn_id: int, epoch: int, outcome: Outcome, condition: str = RUNS) -> MessageRow | None:
    """End a turn in one transaction; return its reply, its siblings not counted, or None where it had ended before.

    `condition` says which turn may be ended so: one that runs, or one that was left, or waits.
    """
    with transaction.atomic():
        fence = _fence(turn_id, epoch, outcome, condition)
        if outcome.parts is not None:  # the usual case, in one round trip: what is written behind the fence is undone
            _, ended, *written = run_all([*fence, *_writes(turn_id, outcome, outcome.parts)])
        else:
            _, ended = run_all(fence)
            outcome = replace(outcome, parts=_closed(_stored_parts(turn_id)))
            written = run_all(_writes(turn_id, outcome, outcome.parts or [])) if ended else []
        if not ended:
            transaction.set_rollback(True)
            return None
        announce(written[-1][0][0])
    return _written_row(written[0][0], outcome)


def _written_row(values: Any, outcome: Outcome) -> MessageRow:
    row = row_of(values)
    row.parts = outcome.parts or []
    return row


def wait(turn_id: int, epoch: int, outcome: Outcome) -> MessageRow | None:
    """Store a turn that has to ask its user first; None where it was stopped, taken over or deleted meanwhile.

    What it has used is booked, and no process has it: its lease ends when the waiting does.
    """
    assert outcome.wait is not None
    with transaction.atomic():
        _, waits, *written = run_all([
            _touch_chat(turn_id, instant(timezone.now())),
            _begin_waiting(turn_id, epoch, outcome.attempts, outcome.wait),
            *_writes(turn_id, outcome, outcome.parts or []),
        ])  # fmt: skip
        if not waits:
            transaction.set_rollback(True)
            return None
        run_all([_open_call(turn_id, epoch, *call) for call in outcome.wait.calls])
        announce(written[-1][0][0])
    return _written_row(written[0][0], outcome)


def _begin_waiting(turn_id: int, epoch: int, attempts: int, asked: Wait) -> Statement:
    return (
        "UPDATE chats_turn SET state = %s, attempts = %s, resume = %s, lease_owner = '', "
        f"lease_until = {lease_end(settings.APPROVAL_HOURS * 3600)} "
        f"WHERE id = %s AND epoch = %s AND {RUNS} AND NOT stop_requested RETURNING id",
        [State.WAITING, attempts, orjson.dumps(asked.resume).decode(), turn_id, epoch],
    )


def _open_call(turn_id: int, epoch: int, call: str, tool: str) -> Statement:
    return (
        "INSERT INTO chats_toolcall (turn_id, call, tool, epoch, reason) VALUES (%s, %s, %s, %s, '')",
        [turn_id, call, tool[:64], epoch],
    )


def resume_turn(turn_id: int, epoch: int, owner: str, day: int) -> int | None:
    """Make a waiting turn, whose chat is locked, run again as its next epoch; None where it has waited too long."""
    _, runs = run_all([
        (f"UPDATE chats_message SET state = %s WHERE id = {_REPLY}", [State.STREAMING, turn_id]),
        (
            f"UPDATE chats_turn SET state = %s, epoch = epoch + 1, lease_owner = %s, lease_until = {lease_end()}, "
            f"usage_day = %s WHERE id = %s AND epoch = %s AND {WAITS} AND NOT {expired()} RETURNING epoch",
            [State.STREAMING, owner, day, turn_id, epoch],
        ),
    ])  # fmt: skip
    return int(runs[0][0]) if runs else None


def end_waiting(turn_id: int, epoch: int, state: str, reason: str, condition: str = WAITS) -> MessageRow | None:
    """End a turn that waits, its open calls denied in the reply; None where it waits no more."""
    return finish(turn_id, epoch, Outcome(state, reason), condition)


def _closed(parts: list[Part]) -> list[Part]:
    """Return stored parts with the calls denied that nobody will decide on any more."""
    return [*parts, *denied(parts)]


def _fence(turn_id: int, epoch: int, outcome: Outcome, condition: str) -> list[Statement]:
    now = instant(timezone.now())
    attempts = "attempts" if outcome.parts is None else "%s"
    return [
        _touch_chat(turn_id, now),
        (
            f"UPDATE chats_turn SET state = %s, reason = %s, attempts = {attempts}, ended_at = %s, lease_until = NULL, "
            f"resume = NULL WHERE id = %s AND epoch = %s AND {condition} RETURNING id",
            [outcome.state, outcome.reason, *([outcome.attempts] if outcome.parts is not None else []), now,
             turn_id, epoch],
        ),
    ]  # fmt: skip


def _touch_chat(turn_id: int, now: Any) -> Statement:
    """Return the statement that locks a turn's chat, first in the lock order."""
    return (
        "UPDATE chats_chat SET updated_at = %s WHERE id = (SELECT chat_id FROM chats_turn WHERE id = %s)",
        [now, turn_id],
    )


def _writes(turn_id: int, outcome: Outcome, parts: list[Part]) -> list[Statement]:
    """Return what stores the reply, takes its chunks away, and books what it used; the first returns the reply."""
    tokens = (outcome.prompt_tokens or 0) + (outcome.completion_tokens or 0) - outcome.settled
    day = "SELECT usage_day FROM chats_turn WHERE id = %s"
    kept = (TOOL_OUTPUT, PROVIDER_METADATA if outcome.wait else TOOL_OUTPUT)
    refund = not any(text for _, text in parts)
    return [
        update(outcome, parts, f"id = {_REPLY}", [turn_id]),
        (f"DELETE FROM chats_chunk WHERE message_id = {_REPLY} AND kind NOT IN (%s, %s)", [turn_id, *kept]),
        *_asides(turn_id, outcome, kept),
        # Where nothing is booked the row is not locked: who supersedes a turn that waits still has messages to write.
        *([settlement(day, turn_id, tokens, refund)] if tokens or refund else []),
        reply_end_entry(turn_id),
    ]


def _asides(turn_id: int, outcome: Outcome, kept: Sequence[str]) -> list[Statement]:
    return [
        (
            f"{_INSERT}SELECT reply_id, %s, %s, %s FROM chats_turn WHERE id = %s{_AGAIN}",
            [at, kind, text, turn_id],
        )
        for at, kind, text in outcome.aside
        if kind in kept
    ]


def _stored_parts(turn_id: int) -> list[Part]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns()} FROM chats_message m WHERE m.id = {_REPLY}", [turn_id])
        row = cursor.fetchone()
    return row_of(row).parts if row else []


class Marked(NamedTuple):
    """A turn that was asked to stop: its reply, who runs it, and whether it has ended at once since it only waited."""

    reply: UUID
    owner: str
    ended: bool


@transaction.atomic
def request_stop(chat_id: UUID, reply_id: UUID | None = None) -> Marked | None:
    """Leave a durable stop mark on the running turn of a chat, and end one that waits; with a reply's id, only that's.

    The chat is locked first, as by whatever may end the turn, or have it go on, at the same moment.
    """
    chosen, value = ("AND reply_id = %s", [reply_id]) if reply_id else ("", [])
    rows = run_all([
        lock_chat(chat_id),
        (
            f"UPDATE chats_turn SET stop_requested = %s WHERE chat_id = %s AND {UNENDED} {chosen} "
            "RETURNING id, epoch, reply_id, lease_owner, state",
            [True, chat_id, *value],
        ),
    ])[1]  # fmt: skip
    if not rows:
        return None
    id_, epoch, reply, owner, state = rows[0]
    ended = state == State.WAITING and end_waiting(id_, epoch, State.STOPPED, "stopped") is not None
    return Marked(uuid_of(reply), owner, ended)


def lock_chat(chat_id: UUID) -> Statement:
    """Return the statement that locks a chat's row and reads whose it is."""
    lock = " FOR NO KEY UPDATE" if is_postgresql() else ""
    return f"SELECT owner_id FROM chats_chat WHERE id = %s{lock}", [chat_id]


def expired() -> str:
    """SQL: the lease of a turn, or the time it may wait, has run out by the database's clock."""
    return f"lease_until < {database_now()}"


def expired_turns() -> list[tuple[int, int, str]]:
    """Return (id, epoch, state) of unfinished turns whose lease has expired, or that have waited too long."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, epoch, state FROM chats_turn WHERE {UNENDED} AND {expired()} ORDER BY id LIMIT 1000", []
        )
        return list(cursor.fetchall())


def end_expired_turn(turn_id: int, epoch: int, state: str) -> MessageRow | None:
    """End a turn that `expired_turns` named, unless it was renewed, decided on or ended since."""
    if state == State.WAITING:
        return end_waiting(turn_id, epoch, State.INTERRUPTED, "approval_expired", f"{WAITS} AND {expired()}")
    return finish(turn_id, epoch, Outcome(State.INTERRUPTED, "process_lost"), f"{RUNS} AND {expired()}")


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
