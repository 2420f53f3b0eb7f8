"""What has been used, by whom and of what, and what is left."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, F, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, Concat

from common.errors import Invalid
from usage.allowance import Used, use_of
from usage.limits import Asking, Rule, rules_for
from usage.models import Attempt
from usage.refusals import daily_messages

GROUPS: Mapping[str, Any] = {"day": F("day"), "model": Concat("provider", Value("/"), "model"), "chat": F("chat")}
# Of pages: what is filtered by once it is chosen, and what it is called. Whoever is in two groups counts in both.
PAGE_GROUPS: Mapping[str, Mapping[str, Any]] = {
    "user": {"key": F("user"), "label": F("user__email")},
    "group": {"key": F("user__groups"), "label": F("user__groups__name")},
    "model": {"key": GROUPS["model"]},
    "day": {"key": F("day")},
}
MOST_ROWS = 1_000
MOST_DAYS = 366
FIRST_YEAR = 2000
AMOUNTS = {
    "attempts": Count("id"),
    "tokens_in": Coalesce(Sum("tokens_in"), 0),
    "tokens_out": Coalesce(Sum("tokens_out"), 0),
    "tokens_cached": Coalesce(Sum("tokens_cached"), 0),
    "tokens_reasoning": Coalesce(Sum("tokens_reasoning"), 0),
    "cost": Coalesce(Sum("cost"), 0),
}


def period_of(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """Return the days asked for, by default those of the month so far; raise Invalid for none, or for too many."""
    last = last or today
    for name, day in (("from", first), ("to", last)):
        if day and not FIRST_YEAR <= day.year < 9999:
            raise Invalid(errors={name: ["There is nothing of that year."]})
    first = first or last.replace(day=1)
    if not timedelta(0) <= last - first < timedelta(days=MOST_DAYS):
        raise Invalid(errors={"to": [f"Ask for one to {MOST_DAYS} days."]})
    return first, last


def usage_report(attempts: QuerySet[Attempt], by: Sequence[str], first: date, last: date) -> dict[str, Any]:
    """Return the total of the days from `first` to `last`, and its parts by day, model, chat, the dearest first."""
    found = attempts.filter(day__gte=first, day__lte=last)
    results = usage_by(found, {name: GROUPS[name] for name in by}, MOST_ROWS + 1)
    return {
        "from": first,
        "to": last,
        "currency": settings.CURRENCY,
        "total": found.aggregate(**AMOUNTS),
        "results": results[:MOST_ROWS],
        "is_complete": len(results) <= MOST_ROWS,
    }


def usage_by(attempts: QuerySet[Attempt], groups: Mapping[str, Any], most: int) -> list[dict[str, Any]]:
    """Return amounts by what `groups` names, the dearest first."""
    names = {f"by_{name}": expression for name, expression in groups.items()}  # apart from columns of that name
    rows = attempts.annotate(**names).values(*names).annotate(**AMOUNTS).order_by("-cost", "-tokens_in", *names)
    return [{name.removeprefix("by_"): value for name, value in row.items()} for row in rows[:most]]


def limits_of(asking: Asking, now: datetime) -> list[dict[str, Any]]:
    """Return all that bounds a user and their keys, each with what of it is used, held and left."""
    daily = daily_messages(asking.subject)
    rules = [*([daily] if daily.amount else []), *rules_for(asking, None)]
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
