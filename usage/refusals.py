"""What whoever has come to a limit is told."""

import logging
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from common.errors import TooManyRequests
from common.sql import instant_of
from usage.counters import Subject
from usage.limits import COST, DAY, MESSAGES, MILLION, MINUTE, MONTH, RUNNING, TOKENS, Rule
from usage.models import Limit

logger = logging.getLogger("parley.usage")

HELD_RETRY_AFTER = 15  # seconds in which a running reply may well give back what it holds
UNITS = {MESSAGES: "messages", TOKENS: "tokens", RUNNING: "replies at the same time"}
PERIODS = {MINUTE: "a minute", DAY: "a day", MONTH: "a month", "": ""}


class QuotaExceeded(TooManyRequests):
    """A limit is reached; `extra` names it, and tells what of it is used, held and left, and when it begins anew."""

    code, title = "quota_exceeded", "A limit on what may be used is reached."


def amount_in_words(unit: str, amount: int) -> str:
    """Return an amount as people say it."""
    if unit == COST:
        return f"{amount / MILLION:,.2f} {settings.CURRENCY}"
    return f"{amount:,} {UNITS[Limit.Unit(unit)]}"


def local(instant: datetime, zone: str) -> str:
    """Return an instant as the clock on the wall shows it."""
    then = instant.astimezone(ZoneInfo(zone))
    return f"{then:%H:%M} on {then:%A}, {then.day} {then:%B} ({zone})"


def refusal(rule: Rule, used: int, held: int, resets_at: datetime | None, now: datetime) -> QuotaExceeded:
    """Return the refusal at a limit: in words with local time, and in figures."""
    unit, subject, left = rule.unit, rule.subject, max(0, rule.amount - used - held)
    logger.info("%s has reached its quota %r: %d used, %d held of %d", subject.name, rule.name, used, held, rule.amount)
    said = (
        f"The limit “{rule.name}” is reached: {amount_in_words(unit, rule.amount)} {PERIODS[rule.period]}".rstrip()
        + "."
    )
    if held and unit in (TOKENS, COST):
        said += f" Running replies may still need {amount_in_words(unit, held)} of it."
    if resets_at:
        said += f" It begins anew at {local(resets_at, subject.zone)}."
    figures = {"name": rule.name, "unit": unit, "period": rule.period, "amount": rule.amount}
    extra: dict[str, Any] = {"limit": {**figures, "used": used, "held": held, "left": left}}
    wait: float = HELD_RETRY_AFTER
    if resets_at:
        extra["reset_at"] = resets_at
        until = (resets_at - now).total_seconds()
        wait = min(until, HELD_RETRY_AFTER) if held and used < rule.amount else until
    return QuotaExceeded(said, retry_after=wait, extra=extra)


def require_daily_messages(subject: Subject, counted: Any, now: datetime) -> None:
    """Raise QuotaExceeded where a user's message, as `counting` has counted it, is one more than `DAILY_MESSAGES`.

    The transaction must be rolled back then, and the count with it.
    """
    _, _, messages, ends_at = counted
    amount = settings.DAILY_MESSAGES
    if amount and messages > amount:
        raise refusal(daily_messages(subject), messages - 1, 0, instant_of(ends_at), now)


def daily_messages(subject: Subject) -> Rule:
    """Return `DAILY_MESSAGES` as a rule; of amount 0 where it is not set."""
    return Rule("Messages a day", subject, MESSAGES, DAY, settings.DAILY_MESSAGES)
