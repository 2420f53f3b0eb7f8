"""Quotas: counted in the transaction that accepts a message, so that no parallelism gets past them."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from common.errors import TooManyRequests
from common.sql import instant, instant_of, is_postgresql
from common.zones import first_instant


class QuotaExceeded(TooManyRequests):
    code, title = "quota_exceeded", "The quota of the day is used up."


def day_bounds(now: datetime, zone: ZoneInfo) -> tuple[date, datetime, datetime]:
    """Return the local date and the true first instants of it and of the next one."""
    today = now.astimezone(zone).date()
    return today, first_instant(today, zone), first_instant(today + timedelta(days=1), zone)


def charge(user_id: int, zone: str, now: datetime) -> int:
    """Count one message on the user's current day and return the row's id.

    Call inside the accepting transaction, last in the lock order. Raises QuotaExceeded with the instant of reset.
    """
    row = _current(user_id, now) or _open(user_id, ZoneInfo(zone), now)
    day_id, messages, tokens, ends_at = row
    if _used_up(messages, settings.DAILY_MESSAGES) or _used_up(tokens, settings.DAILY_TOKENS):
        ends = instant_of(ends_at)
        wait = (ends - now).total_seconds()
        raise QuotaExceeded(
            f"The quota is renewed at {ends:%Y-%m-%dT%H:%M:%SZ}.", retry_after=wait, extra={"reset_at": ends}
        )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE usage_day SET messages = messages + 1 WHERE id = %s", [day_id])
    return int(day_id)


def _used_up(used: int, limit: int) -> bool:
    return bool(limit) and used >= limit


def _current(user_id: int, now: datetime) -> Any:
    lock = "FOR UPDATE" if is_postgresql() else ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, messages, tokens, ends_at FROM usage_day "
            f"WHERE user_id = %s AND ends_at > %s ORDER BY ends_at DESC LIMIT 1 {lock}",
            [user_id, instant(now)],
        )
        return cursor.fetchone()


def _open(user_id: int, zone: ZoneInfo, now: datetime) -> Any:
    """Open the day that it is now; a date that was open before (after a change of zone) goes on with its count."""
    day, starts_at, ends_at = day_bounds(now, zone)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO usage_day (user_id, day, starts_at, ends_at, messages, tokens) VALUES (%s, %s, %s, %s, 0, 0) "
            "ON CONFLICT (user_id, day) DO UPDATE SET ends_at = excluded.ends_at "
            "RETURNING id, messages, tokens, ends_at",
            [user_id, day if is_postgresql() else day.isoformat(), instant(starts_at), instant(ends_at)],
        )
        return cursor.fetchone()


def settle(day_id: int, tokens: int, refund: bool) -> None:
    """Add what a finished turn used; give its message back where no text was stored."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE usage_day SET tokens = tokens + %s, messages = messages - %s WHERE id = %s",
            [tokens, int(refund), day_id],
        )
