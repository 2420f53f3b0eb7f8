"""What is left of the caller's limits, in the headers that OpenAI's clients know."""

import math
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from usage.allowance import Left
from usage.models import Limit

NAMES = {Limit.Unit.MESSAGES: "Requests", Limit.Unit.TOKENS: "Tokens", Limit.Unit.COST: "Cost"}


def limit_headers(left: Sequence[Left]) -> dict[str, str]:
    """Return the headers; of several limits on one unit that of which least is left. Costs are in micro-units."""
    now, headers = timezone.now(), dict[str, str]()
    for each in sorted(left, key=lambda one: one.left, reverse=True):
        if name := NAMES.get(Limit.Unit(each.unit)):
            headers[f"X-RateLimit-Limit-{name}"] = str(each.amount)
            headers[f"X-RateLimit-Remaining-{name}"] = str(each.left)
            headers[f"X-RateLimit-Reset-{name}"] = _seconds(each.resets_at, now)
    return headers


def _seconds(instant: datetime | None, now: datetime) -> str:
    return f"{max(0, math.ceil((instant - now).total_seconds())) if instant else 0}s"
