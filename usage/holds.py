"""Calls without a turn that hold something of a limit: one row each, whose deletion settles it, exactly once.

So do calls of a turn whose chat is deleted while they run. The row of a dead process is settled by the sweep.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone

from common.leases import database_now, lease_end
from common.retrying import retry_conflicts
from common.sql import Statement, instant, instant_of, run_all, uuid_of, uuid_or_none
from usage.allowance import Charge, Held, raise_hold
from usage.attempts import Account, AttemptRow, booking
from usage.counters import as_date, date_of, for_update, settlement
from usage.limits import Bound

logger = logging.getLogger("parley.usage")

LOST = "process_lost"
alive: set[UUID] = set()  # rows of calls that run in this process
_COLUMNS = (
    "kind, user_id, key, counter, day, chat, reply, provider, model, counters, tokens, cost, messages, running, "
    "begun_at"
)


@dataclass(frozen=True, slots=True)
class _Settled:
    """A row that is deleted, and what it had held."""

    account: Account
    provider: str
    model: str
    counters: list[int] | None
    tokens: int
    cost: int
    messages: int
    running: int
    begun_at: float


def holding(id_: UUID, account: Account, hold: Held, asked: tuple[str, str], messages: int, running: int) -> Statement:
    """Return the statement that notes a call's hold; `asked` is the provider and the model."""
    values = [
        id_, account.kind, account.user_id, account.key_id, account.day_id, as_date(account.day), account.chat,
        account.reply, *asked, orjson.dumps(hold.counters).decode(), hold.tokens, hold.cost, messages, running,
        instant(datetime.now(UTC)),
    ]  # fmt: skip
    marks = ", ".join(["%s"] * len(values))
    return f"INSERT INTO usage_hold (id, {_COLUMNS}, lease_until) VALUES ({marks}, {lease_end()})", values


def taking_over(select: str, params: Sequence[Any]) -> Statement:
    """Return the statement that makes rows of what a query returns, in the order of the columns."""
    return (
        f"INSERT INTO usage_hold (id, {_COLUMNS}, lease_until) {select} ON CONFLICT (id) DO NOTHING",
        params,
    )


@transaction.atomic
def settle_hold(id_: UUID, rows: Sequence[AttemptRow], refund: bool = False) -> bool:
    """Book what a call came to and give back the rest of what it held; False where that has been done."""
    settled = _delete("id = %s", [id_])
    if settled is None:
        return False
    _book(settled, rows, refund and bool(settled.messages))
    return True


@transaction.atomic
def raise_call(id_: UUID, charge: Charge, bound: Bound) -> Held | None:
    """Hold what another call needs in the place of one that has used nothing; None where the row is settled.

    Raises QuotaExceeded, and nothing changes.
    """
    if not run_all([(f"SELECT id FROM usage_hold WHERE id = %s{for_update()}", [id_])])[0]:
        return None
    held = raise_hold(charge, (0, 0), bound, timezone.now())
    run_all([("UPDATE usage_hold SET tokens = %s, cost = %s WHERE id = %s", [held.tokens, held.cost, id_])])
    return held


def settle(account: Account, rows: Sequence[AttemptRow], refund: bool) -> None:
    """Book what a call came to that held nothing."""
    tokens, cost = sum(row.tokens for row in rows), sum(row.cost for row in rows)
    booked = [settlement(account.day_id, tokens, cost, refund)] if tokens or cost or refund else []
    with transaction.atomic():
        run_all([*booking(account, rows), *booked])


def renew_holds() -> None:
    """Renew the leases of the calls that run in this process."""
    ids = list(alive)
    marks = ", ".join(["%s"] * len(ids))
    run_all([(f"UPDATE usage_hold SET lease_until = {lease_end()} WHERE id IN ({marks})", ids)])


def lost_holds() -> list[UUID]:
    """Return rows whose lease has run out, none of them of a call that runs in this process."""
    statement = f"SELECT id FROM usage_hold WHERE {_expired()} ORDER BY id LIMIT 1000"
    return [id_ for (value,) in run_all([(statement, [])])[0] if (id_ := uuid_of(value)) not in alive]


def settle_lost(ids: Sequence[UUID]) -> int:
    """Settle what dead processes held: nobody knows what it came to, but it was no more."""
    settled = sum([retry_conflicts(_settle_lost, id_) for id_ in ids])
    logger.warning("booked %d calls that lost their process", settled)
    return settled


def _expired() -> str:
    return f"lease_until < {database_now()}"


@transaction.atomic
def _settle_lost(id_: UUID) -> bool:
    settled = _delete(f"id = %s AND {_expired()}", [id_])
    if settled is None:
        return False
    lost = lost_attempt(settled.provider, settled.model, settled.begun_at, settled.tokens, settled.cost)
    _book(settled, [lost], refund=False)
    return True


def lost_attempt(provider: str, model: str, begun: float, tokens: int = 0, cost: int = 0) -> AttemptRow:
    """Return how a call is booked of which nobody knows what it came to."""
    return AttemptRow(provider, model, begun, None, time.time(), LOST, 0, tokens, 0, 0, True, cost=cost)


def _delete(condition: str, params: Sequence[Any]) -> _Settled | None:
    rows = run_all([(f"DELETE FROM usage_hold WHERE {condition} RETURNING {_COLUMNS}", params)])[0]
    if not rows:
        return None
    kind, user, key, counter, day, chat, reply, provider, model, counters, *amounts = rows[0]
    account = Account(kind, user, uuid_or_none(key), counter, date_of(day), uuid_or_none(chat), uuid_or_none(reply))
    tokens, cost, messages, running, begun = amounts
    held = orjson.loads(counters) if isinstance(counters, str) else counters
    return _Settled(account, provider, model, held, tokens, cost, messages, running, instant_of(begun).timestamp())


def _book(settled: _Settled, rows: Sequence[AttemptRow], refund: bool) -> None:
    tokens, cost = sum(row.tokens for row in rows), sum(row.cost for row in rows)
    counters = [settled.account.day_id] if settled.counters is None else settled.counters
    held = settled.tokens, settled.cost
    booked = [
        settlement(counter, tokens, cost, refund, ("%s", "%s"), held, settled.running) for counter in counters
    ]  # fmt: skip
    run_all([*booking(settled.account, rows), *booked])
