"""How turns end, or come to wait: stored, booked and told in one transaction, by runner, sweep and stop alike.

Each is behind the fence: whoever finds the turn in another state or epoch changes nothing, and is told so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from chats.changes import announce, reply_end_entry
from chats.models import State
from chats.parts import PROVIDER_METADATA, TOOL_OUTPUT, Part, denied
from chats.rows import MessageRow, columns, row_of, update
from chats.turns.settling import lost_run, settlements
from chats.turns.writes import AGAIN, INSERT, REPLY, RUNS, UNENDED, WAITS, expired, lock_chat
from common.leases import lease_end
from common.sql import Statement, instant, run_all, uuid_of
from usage.allowance import Charge
from usage.attempts import AttemptRow


@dataclass(slots=True)
class Wait:
    """What a turn waits for: calls as (id, tool); `resume` is what it goes on with."""

    calls: list[tuple[str, str]]
    resume: dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """How a turn ended, or came to wait. `parts` is the whole reply, or None to take what is stored.

    `calls` of providers are booked by `charge`; `cost` is that of the whole reply. `aside` are chunks beside the reply
    that no flush has stored yet.
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
    fallback: dict[str, str] | None = None
    cost: int | None = None
    charge: Charge | None = None
    calls: Sequence[AttemptRow] = ()
    aside: list[tuple[int, str, str]] = field(default_factory=list)
    wait: Wait | None = None


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
            if ended:
                outcome = _left(turn_id, outcome, condition.startswith(RUNS))
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
        "UPDATE chats_turn SET state = %s, attempts = %s, resume = %s, lease_owner = '', counters = NULL, "
        f"lease_until = {lease_end(settings.APPROVAL_HOURS * 3600)} "
        f"WHERE id = %s AND epoch = %s AND {RUNS} AND NOT stop_requested RETURNING id",
        [State.WAITING, attempts, orjson.dumps(asked.resume).decode(), turn_id, epoch],
    )


def _open_call(turn_id: int, epoch: int, call: str, tool: str) -> Statement:
    return (
        "INSERT INTO chats_toolcall (turn_id, call, tool, epoch, reason) VALUES (%s, %s, %s, %s, '')",
        [turn_id, call, tool[:64], epoch],
    )


def end_waiting(turn_id: int, epoch: int, state: str, reason: str, condition: str = WAITS) -> MessageRow | None:
    """End a turn that waits, its open calls denied in the reply; None where it waits no more."""
    return finish(turn_id, epoch, Outcome(state, reason), condition)


def _left(turn_id: int, outcome: Outcome, ran: bool) -> Outcome:
    """Return the end of a turn whose runner is gone, or that waited: what is stored, its open calls denied."""
    reply = _stored_reply(turn_id)
    outcome = replace(outcome, parts=[*reply.parts, *denied(reply.parts)])
    if not ran or outcome.charge:  # what waits has been booked, and holds nothing
        return outcome
    charge, row = lost_run(turn_id, reply)
    return replace(outcome, charge=charge, calls=[row], cost=(reply.cost or 0) + row.cost)


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
    kept = (TOOL_OUTPUT, PROVIDER_METADATA if outcome.wait else TOOL_OUTPUT)
    return [
        update(outcome, parts, f"id = {REPLY}", [turn_id]),
        (f"DELETE FROM chats_chunk WHERE message_id = {REPLY} AND kind NOT IN (%s, %s)", [turn_id, *kept]),
        *_asides(turn_id, outcome, kept),
        *settlements(turn_id, outcome.charge, outcome.calls, refund=not any(text for _, text in parts)),
        reply_end_entry(turn_id),
    ]


def _asides(turn_id: int, outcome: Outcome, kept: Sequence[str]) -> list[Statement]:
    return [
        (
            f"{INSERT}SELECT reply_id, %s, %s, %s FROM chats_turn WHERE id = %s{AGAIN}",
            [at, kind, text, turn_id],
        )
        for at, kind, text in outcome.aside
        if kind in kept
    ]


def _stored_reply(turn_id: int) -> MessageRow:
    statement = f"SELECT {columns()} FROM chats_message m WHERE m.id = {REPLY}"
    return row_of(run_all([(statement, [turn_id])])[0][0])


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
