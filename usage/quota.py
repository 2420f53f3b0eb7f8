"""Quotas: counted in the transaction that accepts a message, so that no parallelism gets past them."""

import logging
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from common.errors import TooManyRequests
from common.sql import Statement, instant, instant_of, is_postgresql, run_all
from common.time_zones import first_instant

logger = logging.getLogger("parley.usage")


class QuotaExceeded(TooManyRequests):
    code, title = "quota_exceeded", "The quota of the day is used up."


# SQL for the id of a user's current day, or NULL where none is open; takes the user's id and an instant.
CURRENT_DAY = "(SELECT id FROM usage_day WHERE user_id = %s AND ends_at > %s ORDER BY ends_at DESC LIMIT 1)"


def day_bounds(now: datetime, zone: ZoneInfo) -> tuple[date, datetime, datetime]:
    """Return the local date and the true first instants of it and of the next one."""
    today = now.astimezone(zone).date()
    return today, first_instant(today, zone), first_instant(today + timedelta(days=1), zone)


def charge(user_id: int, zone: str, now: datetime) -> int:
    """Count one message on the user's current day, opened where it is not, and return the row's id.

    Call inside the accepting transaction, last in the lock order. Raises what `require_quota` raises.
    """
    counted = run_all([counting(user_id, None, now)])[0]
    if not counted:
        counted = run_all([counting(user_id, _open(user_id, ZoneInfo(zone), now), now)])[0]
    return require_quota(user_id, counted[0], now)


def current_day(user_id: int, zone: str, now: datetime) -> int:
    """Return the id of the current day for a turn that goes on: its message was counted when it began.

    Raises QuotaExceeded where the day's tokens are used up.
    """
    statement = "SELECT id, 0, tokens, ends_at FROM usage_day WHERE id = %s"
    found = run_all([(f"SELECT {CURRENT_DAY}", [user_id, instant(now)])])[0][0][0]
    day = _open(user_id, ZoneInfo(zone), now) if found is None else found
    return require_quota(user_id, run_all([(statement, [day])])[0][0], now)


def locking(day: int) -> Statement:
    """Return the statement that locks a day, behind which a user's turns are counted one after the other."""
    return f"SELECT id FROM usage_day WHERE id = %s{' FOR NO KEY UPDATE' if is_postgresql() else ''}", [day]


def counting(user_id: int, known: int | None, now: datetime) -> Statement:
    """Return the statement that counts one message on the current day, or on the one known to be it.

    Its row is for `require_quota`; without a row no day is open, and `charge` opens one.
    """
    return (
        f"UPDATE usage_day SET messages = messages + 1 WHERE id = COALESCE(%s, {CURRENT_DAY}) AND ends_at > %s "
        "RETURNING id, messages, tokens, ends_at",
        [known, user_id, instant(now), instant(now)],
    )


def require_quota(user_id: int, counted: Any, now: datetime) -> int:
    """Return the id of the day that was counted on.

    Raises QuotaExceeded with the instant of reset: the transaction must be rolled back, and the count with it.
    """
    day_id, messages, tokens, ends_at = counted
    if _beyond(messages - 1, settings.DAILY_MESSAGES) or _beyond(tokens, settings.DAILY_TOKENS):
        ends = instant_of(ends_at)
        wait = (ends - now).total_seconds()
        logger.info("user %s has used up the quota of the day: %d messages, %d tokens", user_id, messages - 1, tokens)
        raise QuotaExceeded(
            f"The quota is renewed at {ends:%Y-%m-%dT%H:%M:%SZ}.", retry_after=wait, extra={"reset_at": ends}
        )
    return int(day_id)


def _beyond(used: int, limit: int) -> bool:
    return bool(limit) and used >= limit


def _open(user_id: int, zone: ZoneInfo, now: datetime) -> int:
    """Open the day that it is now; a date that was open before (after a change of zone) goes on with its count."""
    day, starts_at, ends_at = day_bounds(now, zone)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO usage_day (user_id, day, starts_at, ends_at, messages, tokens) VALUES (%s, %s, %s, %s, 0, 0) "
            "ON CONFLICT (user_id, day) DO UPDATE SET ends_at = excluded.ends_at "
            "RETURNING id",
            [user_id, day if is_postgresql() else day.isoformat(), instant(starts_at), instant(ends_at)],
        )
        return int(cursor.fetchone()[0])


def settlement(day: str, key: int, tokens: int, refund: bool) -> Statement:
    """Return the statement that adds what a turn used, and gives its message back where no text was stored.

    `day` is a subquery with one parameter, `key`, for the id that `charge` returned.
    """
    return (
        f"UPDATE usage_day SET tokens = tokens + %s, messages = messages - %s WHERE id = ({day})",
        [tokens, int(refund), key],
    )


def settle(day_id: int, tokens: int, refund: bool) -> None:
    """Carry out the settlement of a day whose id is at hand."""
    run_all([settlement("SELECT %s", day_id, tokens, refund)])
