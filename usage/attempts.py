"""Booking what calls of providers came to."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson

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


COLUMNS = [each.name for each in fields(AttemptRow)]
_ALL = f"kind, chat, reply, key, day, {', '.join(COLUMNS)}"
_INSERT = f"INSERT INTO usage_attempt (user_id, {_ALL}) "
# Whoever has been deleted meanwhile stays nameless.
_ROW = f"((SELECT id FROM accounts_user WHERE id = %s), {', '.join(['%s'] * (len(COLUMNS) + 5))})"
# One parameter for all rows: each one costs more to bind than to read on the other side.
_FROM_JSON = (
    f"{_INSERT} SELECT (SELECT id FROM accounts_user WHERE id = call.user_id), {_ALL} "
    "FROM json_populate_recordset(NULL::usage_attempt, %s) AS call"
)
_values_of = attrgetter(*COLUMNS)


def booking(account: Account, rows: Sequence[AttemptRow]) -> list[Statement]:
    """Return the statement that books calls; none for none."""
    if not rows:
        return []
    shared = {
        "user_id": account.user_id, "kind": account.kind, "chat": account.chat, "reply": account.reply,
        "key": account.key_id, "day": account.day,
    }  # fmt: skip
    if is_postgresql():
        return [(_FROM_JSON, [orjson.dumps([shared | _named(row) for row in rows]).decode()])]
    shared["day"] = account.day.isoformat()
    values = [value for row in rows for value in (*shared.values(), *map(_plain, _named(row).values()))]
    return [(f"{_INSERT} VALUES {', '.join([_ROW] * len(rows))}", values)]


def _named(row: AttemptRow) -> dict[str, Any]:
    provider, model, begun, first, ended, error, *rest = _values_of(row)
    cut = provider[:40], model[:200], _instant(begun), _instant(first), _instant(ended), error[:40]
    return dict(zip(COLUMNS, (*cut, *rest), strict=True))


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _plain(value: Any) -> Any:
    return instant(value) if isinstance(value, datetime) else value
