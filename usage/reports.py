"""What somebody has used, and what is left to them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, F, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, Concat

from usage.allowance import Used, use_of
from usage.limits import DAY, MESSAGES, Asking, Rule, rules_for
from usage.models import Attempt

GROUPS: Mapping[str, Any] = {"day": F("day"), "model": Concat("provider", Value("/"), "model"), "chat": F("chat")}
MOST_ROWS = 1_000
AMOUNTS = {
    "attempts": Count("id"),
    "tokens_in": Coalesce(Sum("tokens_in"), 0),
    "tokens_out": Coalesce(Sum("tokens_out"), 0),
    "tokens_cached": Coalesce(Sum("tokens_cached"), 0),
    "tokens_reasoning": Coalesce(Sum("tokens_reasoning"), 0),
    "cost": Coalesce(Sum("cost"), 0),
}


def usage_report(attempts: QuerySet[Attempt], by: Sequence[str], first: date, last: date) -> dict[str, Any]:
    """Return the total of the days from `first` to `last`, and its parts by day, model, chat, the dearest first."""
    found = attempts.filter(day__gte=first, day__lte=last)
    names = {f"by_{name}": GROUPS[name] for name in by}
    rows = found.annotate(**names).values(*names).annotate(**AMOUNTS)
    results = [_renamed(row) for row in rows.order_by("-cost", *names)[: MOST_ROWS + 1]]
    return {
        "from": first,
        "to": last,
        "currency": settings.CURRENCY,
        "total": found.aggregate(**AMOUNTS),
        "results": results[:MOST_ROWS],
        "is_complete": len(results) <= MOST_ROWS,
    }


def _renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix("by_"): value for name, value in row.items()}


def limits_of(asking: Asking, now: datetime) -> list[dict[str, Any]]:
    """Return all that bounds a user and their keys, each with what of it is used, held and left."""
    rules = rules_for(asking, None)
    if settings.DAILY_MESSAGES:
        rules.insert(0, Rule("Messages a day", asking.subject, MESSAGES, DAY, settings.DAILY_MESSAGES))
    states = use_of(rules, now)
    return [_shown(rule, states[rule.subject], now) for rule in rules]


def _shown(rule: Rule, state: Used, now: datetime) -> dict[str, Any]:
    used, held = state.used(rule, now)
    return {
        "name": rule.name,
        "of": rule.subject.name.partition(":")[0],
        "is_shared": rule.is_shared,
        "model": rule.subject.model,
        "unit": rule.unit,
        "period": rule.period,
        "amount": rule.amount,
        "used": used,
        "held": held,
        "left": max(0, rule.amount - used - held),
        "reset_at": state.resets_at(rule, now),
    }


def today_of(zone: str, now: datetime) -> date:
    return now.astimezone(ZoneInfo(zone)).date()
