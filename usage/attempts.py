"""Booking what calls of providers came to."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from common.sql import Statement, instant, is_postgresql

MOST_COST = 2**53 - 1  # what JSON's readers take


@dataclass(frozen=True, slots=True)
class Account:
    """On whom, which day and what calls are booked; `day_id` is the day's row."""

    kind: str
    user_id: int
    key_id: UUID | None
    day_id: int
    day: date
    chat: UUID | None = None
    reply: UUID | None = None


@dataclass(slots=True)
class AttemptRow:
    """A call that has ended, as `usage.models.Attempt` describes it; instants as `time.time()` has them."""

    provider: str
    model: str
    begun_at: float
    first_text_at: float | None
    ended_at: float
    error: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    tokens_reasoning: int = 0
    estimated: bool = False
    input_price: int | None = None
    output_price: int | None = None
    cached_input_price: int | None = None
    cost: int = 0

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out


OWN_COLUMNS = [each.name for each in fields(AttemptRow)]
COLUMNS = ["kind", "chat", "reply", "key", "day", *OWN_COLUMNS]
# Whoever has been deleted meanwhile stays nameless.
_ROW = f"((SELECT id FROM accounts_user WHERE id = %s), {', '.join(['%s'] * len(COLUMNS))})"
_INSERT = f"INSERT INTO usage_attempt (user_id, {', '.join(COLUMNS)}) VALUES "
_values_of = attrgetter(*OWN_COLUMNS)


def booking(account: Account, rows: Sequence[AttemptRow]) -> list[Statement]:
    """Return the statement that books calls; none for none."""
    if not rows:
        return []
    day = account.day if is_postgresql() else account.day.isoformat()
    shared = [account.kind, account.chat, account.reply, account.key_id, day]
    return [
        (
            _INSERT + ", ".join([_ROW] * len(rows)),
            [value for row in rows for value in (account.user_id, *shared, *_values(row))],
        )
    ]


def _values(row: AttemptRow) -> list[Any]:
    provider, model, begun, first, ended, error, *rest = _values_of(row)
    return [provider[:40], model[:200], _instant(begun), _instant(first), _instant(ended), error[:40], *rest]


def _instant(seconds: float | None) -> Any:
    return None if seconds is None else instant(datetime.fromtimestamp(seconds, UTC))
