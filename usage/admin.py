"""What has been used and what bounds it, for staff."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.urls.resolvers import URLPattern
from django.utils import timezone
from django.utils.http import urlencode

from common.admin import Permanent, StaffAdmin
from common.errors import ParleyError
from usage.models import Attempt, Counter, Limit
from usage.period import period_usage
from usage.queries import StaffQuery, page_query
from usage.refusals import PERIODS, amount_in_words
from usage.reports import PAGE_GROUPS, today_of

NARROWING = ("user", "group", "model")


@admin.register(Counter)
class CounterAdmin(Permanent, StaffAdmin):
    list_display = ("subject", "model", "day", "messages", "tokens", "cost", "held_tokens", "held_cost", "running")
    search_fields = ("subject",)
    date_hierarchy = "day"
    ordering = ("-day", "-id")
    show_full_result_count = False


@admin.register(Limit)
class LimitAdmin(StaffAdmin):
    list_display = ("name", "allowed", "user", "group", "key", "is_shared", "model", "enabled")
    list_select_related = ("user", "group", "key")
    list_filter = ("unit", "period", "enabled")
    autocomplete_fields = ("user",)
    raw_id_fields = ("key",)

    @admin.display(description="allows", ordering="amount")
    def allowed(self, limit: Limit) -> str:
        return f"{amount_in_words(limit.unit, limit.amount)} {PERIODS[limit.period]}".rstrip()


@admin.register(Attempt)
class AttemptAdmin(Permanent, StaffAdmin):
    list_display = ("day", "user", "kind", "provider", "model", "tokens_in", "tokens_out", "cost", "estimated", "error")
    list_select_related = ("user",)
    list_filter = ("kind", "estimated", "error")
    search_fields = ("user__email",)
    date_hierarchy = "day"
    ordering = ("-id",)
    show_full_result_count = False

    def get_urls(self) -> list[URLPattern]:
        report = path("report/", self.admin_site.admin_view(self.report), name="usage_attempt_report")
        return [report, *super().get_urls()]

    def report(self, request: HttpRequest) -> HttpResponse:
        """Show what some days came to, by user, group, model or day; each row leads to those of its own."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        try:
            query, period = page_query(request, StaffQuery, today_of(settings.TIME_ZONE, timezone.now()))
        except ParleyError as refusal:
            raise BadRequest(str(refusal)) from refusal
        narrowed = {name: query[name] for name in NARROWING if query[name]}
        attempts = Attempt.objects.alias(**{f"of_{name}": PAGE_GROUPS[name]["key"] for name in narrowed})
        usage = period_usage(attempts.filter(**{f"of_{name}": value for name, value in narrowed.items()}), *period)
        days, by = usage.table(PAGE_GROUPS["day"]), query["by"]
        kept = {"from": usage.first, "to": usage.last, **narrowed}
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Usage",
            "usage": usage,
            "plot": usage.plot(days),
            "by": by,
            "rows": days if by == "day" else [_linked(row, by, kept) for row in usage.table(PAGE_GROUPS[by])],
            "narrowed": [("by", by), *narrowed.items()],
            "narrowed_to": [(name, narrowed[name], _address(kept, by, name)) for name in narrowed],
            "ways": [(name, _address(kept, name)) for name in PAGE_GROUPS],
        }
        return TemplateResponse(request, "admin/usage/attempt/report.html", context)


def _address(kept: dict[str, Any], by: str, without: str = "") -> str:
    return "?" + urlencode({**{name: value for name, value in kept.items() if name != without}, "by": by})


def _linked(row: Any, by: str, kept: dict[str, Any]) -> dict[str, Any]:
    """Give a row the address of what it is made of."""
    if row["key"] is None:
        return dict(row)
    return {**row, "address": _address({**kept, by: row["key"]}, "model" if by == "user" else "user")}
