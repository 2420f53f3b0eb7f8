"""Usage as pages show it: what attempts of some days come to, as a plot by day and as tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from usage.models import Attempt, Limit
from usage.plots import bar, plot_by_day
from usage.refusals import amount_in_words
from usage.reports import AMOUNTS, MOST_ROWS, usage_by


@dataclass(frozen=True, slots=True)
class PeriodUsage:
    """The attempts between two days; measured in cost, or in tokens where nothing had a price."""

    attempts: QuerySet[Attempt]
    first: date
    last: date
    total: Mapping[str, int]

    @property
    def in_words(self) -> str:
        """Say all that was used: its cost, and its tokens."""
        tokens = amount_in_words(Limit.Unit.TOKENS, _tokens(self.total))
        return f"{amount_in_words(Limit.Unit.COST, self.total['cost'])}, {tokens}"

    def plot(self, days: Sequence[Mapping[str, Any]]) -> SafeString:
        """Draw the rows of the table by day."""
        unit = Limit.Unit.COST if self.total["cost"] else Limit.Unit.TOKENS
        return plot_by_day({row["key"]: self._measure(row) for row in days}, unit, self.first, self.last)

    def table(self, groups: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Return the amounts by what the groups name, `key` and `label`, the dearest first, with words and bars."""
        rows = usage_by(self.attempts, groups, MOST_ROWS)
        highest = max(map(self._measure, rows), default=0)
        return [
            {
                **row,
                "label": str(row.get("label") or row["key"] or "–"),
                "words": amount_in_words(Limit.Unit.COST, row["cost"]),
                "bar": bar(self._measure(row), highest),
            }
            for row in rows
        ]

    def _measure(self, row: Mapping[str, int]) -> int:
        return row["cost"] if self.total["cost"] else _tokens(row)


def _tokens(row: Mapping[str, int]) -> int:
    return row["tokens_in"] + row["tokens_out"]


def period_usage(attempts: QuerySet[Attempt], first: date, last: date) -> PeriodUsage:
    found = attempts.filter(day__gte=first, day__lte=last)
    return PeriodUsage(found, first, last, found.aggregate(**AMOUNTS))
