"""What an address asks of usage."""

from datetime import date
from typing import Any

from django.http import HttpRequest
from rest_framework import serializers

from common.errors import ParleyError
from common.problems import as_refusal
from common.views import checked
from usage.reports import GROUPS, PAGE_GROUPS, period_of

MOST_ID = 2**31 - 1


class PeriodQuery(serializers.Serializer[Any]):
    to = serializers.DateField(required=False, default=None, help_text="the last day; today, where it is left out")

    def get_fields(self) -> dict[str, Any]:
        first = serializers.DateField(
            required=False, default=None, help_text="the first day; the first of its month, where it is left out"
        )
        return {**super().get_fields(), "from": first}  # no name that Python has for an attribute


class UsageQuery(PeriodQuery):
    by = serializers.CharField(required=False, default="day", help_text="some of day, model, chat, with commas between")

    def validate_by(self, by: str) -> list[str]:
        names = list(dict.fromkeys(by.split(",")))
        if unknown := [name for name in names if name not in GROUPS]:
            raise serializers.ValidationError(f"Name some of day, model, chat; not {unknown[0][:20]!r}.")
        return names


class StaffQuery(PeriodQuery):
    """Of whom and of what, too; a user, a group or a model is one of those that a table names."""

    by = serializers.ChoiceField(list(PAGE_GROUPS), required=False, default="user")
    user = serializers.IntegerField(required=False, default=None, min_value=1, max_value=MOST_ID)
    group = serializers.IntegerField(required=False, default=None, min_value=1, max_value=MOST_ID)
    model = serializers.CharField(required=False, default="", max_length=250)


def page_query(request: HttpRequest, query: type[PeriodQuery], today: date) -> tuple[dict[str, Any], tuple[date, date]]:
    """Return what a page is asked for, and the days; raise ParleyError. A form's fields that are empty are left out."""
    try:
        asked = checked(query, {name: value for name, value in request.GET.items() if value})
    except serializers.ValidationError as error:
        raise as_refusal(error) or ParleyError() from error
    return asked, period_of(asked["from"], asked["to"], today)
