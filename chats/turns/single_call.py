"""A call of a model outside of every turn: held, metered and booked like a turn's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chats.errors import ReplyInterrupted
from chats.turns.charging import hold_for
from chats.turns.metering import Meter
from common.executor import database
from common.ids import uuid7
from common.retrying import retry_conflicts
from common.sql import Statement, run_all
from llm.catalog import Model
from llm.client.types import Prompt
from usage import holds
from usage.allowance import Charge, Held, daily_messages_left
from usage.attempts import Account
from usage.counters import count_on_day, counting, current_day, date_of, locking
from usage.limits import HAS_LIMITS, Asking, Bound
from usage.models import Attempt
from usage.refusals import require_daily_messages


@dataclass(slots=True)
class SingleCall:
    """What is asked, with which bound; `size` is to be told: the bytes of the answer so far."""

    model: Model
    charge: Charge
    prompt: Prompt
    hold: UUID | None  # the row that holds something of a limit
    messages: int
    meter: Meter = field(default_factory=Meter)
    size: int = 0

    async def raise_hold(self, bound: Bound) -> Held:
        """Hold what another model may use in the first one's place."""
        assert self.hold is not None, "only what is held is raised"
        raised = await database().write(retry_conflicts, holds.raise_call, self.hold, self.charge, bound)
        if raised is None:
            raise ReplyInterrupted("The call was taken for lost.")
        self.charge.hold = raised
        return raised


@asynccontextmanager
async def single_call(
    asking: Asking, kind: Attempt.Kind, model: Model, prompt: Prompt, chat: UUID | None = None
) -> AsyncIterator[SingleCall]:
    """Hold what a call may use, and book what it has used in the end.

    A completion counts as a message, given back where nothing came. Raises QuotaExceeded.
    """
    call = await database().write(retry_conflicts, _open, asking, kind, model, prompt, chat)
    if call.hold:
        holds.alive.add(call.hold)
    try:
        yield call
    finally:
        try:
            await database().write(retry_conflicts, _close, call)
        finally:
            holds.alive.discard(call.hold)


@transaction.atomic
def _open(asking: Asking, kind: Attempt.Kind, model: Model, prompt: Prompt, chat: UUID | None) -> SingleCall:
    now, is_message = timezone.now(), kind == Attempt.Kind.COMPLETION
    counted, has_limits = _count(asking, now) if is_message else _locked(asking, now)
    account = Account(kind, asking.user_id, asking.key_id, counted[0], date_of(counted[1]), chat)
    charge = Charge(account, asking, left=daily_messages_left(counted) if is_message else [])
    hold, count = uuid7(), int(is_message)

    def note(held: Held) -> Statement:
        return holds.holding(hold, account, held, (model.provider, model.id), count, count)

    prompt = hold_for(charge, has_limits, model, prompt, now, note, count, count)
    call = SingleCall(model, charge, prompt, hold if charge.hold else None, count)
    call.meter.asks(prompt)
    return call


def _count(asking: Asking, now: datetime) -> tuple[Any, bool]:
    counted, limits = run_all([counting(asking.subject, None, now), (f"SELECT {HAS_LIMITS}", [])])
    row = counted[0] if counted else count_on_day(asking.subject, now)
    require_daily_messages(asking.subject, row, now)
    return row, bool(limits[0][0])


def _locked(asking: Asking, now: datetime) -> tuple[Any, bool]:
    day_id, day = current_day(asking.subject, now)
    _, limits = run_all([locking(day_id), (f"SELECT {HAS_LIMITS}", [])])
    return (day_id, day), bool(limits[0][0])


def _close(call: SingleCall) -> None:
    call.meter.ends(lambda: call.size)
    rows, refund = call.meter.attempts, bool(call.messages) and call.size == 0
    if call.hold:
        holds.settle_hold(call.hold, rows, refund)
    else:
        holds.settle(call.charge.account, rows, refund)
