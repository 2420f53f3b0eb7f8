"""Counting on local days, in the transaction that accepts or ends something, so that no parallelism gets past it.

Lock order: the counter of a user first, then those of models, of the key, of groups, of everyone (`Hold.counters`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from common.sql import Statement, instant, is_postgresql, run_all
from common.time_zones import first_instant

# SQL for the id of a subject's current day, or NULL where none is open; takes subject, model and an instant.
CURRENT_DAY = (
    "(SELECT id FROM usage_counter WHERE subject = %s AND model = %s AND ends_at > %s ORDER BY ends_at DESC LIMIT 1)"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is counted, or what a model of theirs is; in which zone their days begin."""

    name: str
    zone: str
    model: str = ""


def of_user(user_id: int, zone: str) -> Subject:
    return Subject(f"user:{user_id}", zone)


def day_bounds(now: datetime, zone: ZoneInfo) -> tuple[date, datetime, datetime]:
    """Return the local date and the true first instants of it and of the next one."""
    today = now.astimezone(zone).date()
    return today, first_instant(today, zone), first_instant(today + timedelta(days=1), zone)


def counting(subject: Subject, known: int | None, now: datetime, messages: int = 1) -> Statement:
    """Return the statement that counts on the current day, or on the one known to be it, and locks it.

    Its row is (id, day, messages, ends_at); without a row no day is open.
    """
    return (
        f"UPDATE usage_counter SET messages = messages + %s WHERE id = COALESCE(%s, {CURRENT_DAY}) AND ends_at > %s "
        "RETURNING id, day, messages, ends_at",
        [messages, known, subject.name, subject.model, instant(now), instant(now)],
    )


def count_on_day(subject: Subject, now: datetime, messages: int = 1) -> Any:
    """Count on the current day, opened where it is not; return what `counting` does."""
    counted = run_all([counting(subject, None, now, messages)])[0]
    if not counted:
        counted = run_all([counting(subject, open_day(subject, now), now, messages)])[0]
    return counted[0]


def open_day(subject: Subject, now: datetime) -> int:
    """Open the day that it is now; a date that was open before (after a change of zone) goes on with its count.

    Whoever opens a day locks the one before: what is being counted there is part of the same month.
    """
    newest = (
        f"SELECT id FROM usage_counter WHERE subject = %s AND model = %s ORDER BY ends_at DESC LIMIT 1{for_update()}"
    )
    day, starts_at, ends_at = day_bounds(now, ZoneInfo(subject.zone))
    opened = (
        "INSERT INTO usage_counter (subject, model, day, starts_at, ends_at, messages, tokens, cost, held_tokens, "
        "held_cost, running, minute, minute_messages) VALUES (%s, %s, %s, %s, %s, 0, 0, 0, 0, 0, 0, 0, 0) "
        "ON CONFLICT (subject, model, day) DO UPDATE SET ends_at = excluded.ends_at RETURNING id",
        [subject.name, subject.model, as_date(day), instant(starts_at), instant(ends_at)],
    )
    run_all([(newest, [subject.name, subject.model])])
    return int(run_all([opened])[0][0][0])


def locking(day_id: int) -> Statement:
    """Return the statement that locks a day, behind which a user's turns are counted one after the other."""
    return f"SELECT id FROM usage_counter WHERE id = %s{for_update()}", [day_id]


def for_update() -> str:
    """SQL that locks what is selected, on a database that locks rows."""
    return " FOR NO KEY UPDATE" if is_postgresql() else ""


def as_date(day: date) -> Any:
    """Return a date as the database takes it in a plain parameter."""
    return day if is_postgresql() else day.isoformat()


def date_of(value: Any) -> date:
    """Return a column's value as a date on either database."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def settlement(
    counter: int, tokens: int, cost: int, refund: bool, held: tuple[str, str] = ("0", "0"),
    params: Sequence[Any] = (), running: int = 0,
) -> Statement:  # fmt: skip
    """Return the statement that adds what has been used to a day, and gives back what was held or counted for it.

    `held` is SQL for the tokens and the cost that were held, `params` its parameters.
    """
    tokens_held, cost_held = held
    return (
        "UPDATE usage_counter SET tokens = tokens + %s, cost = cost + %s, messages = messages - %s, "
        f"held_tokens = held_tokens - {tokens_held}, held_cost = held_cost - {cost_held}, running = running - %s "
        "WHERE id = %s",
        [tokens, cost, int(refund), *params, running, counter],
    )


def current_day(subject: Subject, now: datetime) -> tuple[int, date]:
    """Return id and date of the current day, opened where it is not; nothing is counted, and nothing locked."""
    statement = f"SELECT id, day FROM usage_counter WHERE id = {CURRENT_DAY}"
    found = run_all([(statement, [subject.name, subject.model, instant(now)])])[0]
    if not found:
        found = run_all([("SELECT id, day FROM usage_counter WHERE id = %s", [open_day(subject, now)])])[0]
    return found[0][0], date_of(found[0][1])
