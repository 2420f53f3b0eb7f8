"""What whoever has come to a limit is told."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from common.errors import TooManyRequests
from common.sql import instant_of
from usage.counters import Subject
from usage.models import Limit

MILLION = 1_000_000
HELD_RETRY_AFTER = 15  # seconds in which a running reply may well give back what it holds
UNITS = {Limit.Unit.MESSAGES: "messages", Limit.Unit.TOKENS: "tokens", Limit.Unit.RUNNING: "replies at the same time"}
PERIODS = {Limit.Period.MINUTE: "a minute", Limit.Period.DAY: "a day", Limit.Period.MONTH: "a month", "": ""}


class QuotaExceeded(TooManyRequests):
    """A limit is reached; `extra` names it, and tells what of it is used, held and left, and when it begins anew."""

    code, title = "quota_exceeded", "A limit on what may be used is reached."


def amount_in_words(unit: str, amount: int) -> str:
    """Return an amount as people say it."""
    if unit == Limit.Unit.COST:
        return f"{amount / MILLION:,.2f} {settings.CURRENCY}"
    return f"{amount:,} {UNITS[Limit.Unit(unit)]}"


def local(instant: datetime, zone: str) -> str:
    """Return an instant as the clock on the wall shows it."""
    then = instant.astimezone(ZoneInfo(zone))
    return f"{then:%H:%M} on {then:%A}, {then.day} {then:%B} ({zone})"


def refusal(
    name: str, unit: str, period: str, amount: int, used: int, held: int, resets_at: datetime | None, zone: str,
    now: datetime,
) -> QuotaExceeded:  # fmt: skip
    """Return the refusal at a limit: in words with local time, and in figures."""
    left = max(0, amount - used - held)
    said = f"The limit “{name}” is reached: {amount_in_words(unit, amount)} {PERIODS[period]}".rstrip() + "."
    if held and unit in (Limit.Unit.TOKENS, Limit.Unit.COST):
        said += f" Running replies may still need {amount_in_words(unit, held)} of it."
    if resets_at:
        said += f" It begins anew at {local(resets_at, zone)}."
    figures = {"name": name, "unit": unit, "period": period, "amount": amount, "used": used, "held": held, "left": left}
    extra: dict[str, Any] = {"limit": figures}
    wait: float = HELD_RETRY_AFTER
    if resets_at:
        extra["reset_at"] = resets_at
        until = (resets_at - now).total_seconds()
        wait = min(until, HELD_RETRY_AFTER) if held and used < amount else until
    return QuotaExceeded(said, retry_after=wait, extra=extra)


def require_daily_messages(subject: Subject, counted: Any, now: datetime) -> None:
    """Raise QuotaExceeded where a user's message, as `counting` has counted it, is one more than `DAILY_MESSAGES`.

    The transaction must be rolled back then, and the count with it.
    """
    _, _, messages, ends_at = counted
    amount = settings.DAILY_MESSAGES
    if amount and messages > amount:
        raise refusal(
            "Messages a day", Limit.Unit.MESSAGES, Limit.Period.DAY, amount, messages - 1, 0, instant_of(ends_at),
            subject.zone, now,
        )  # fmt: skip
