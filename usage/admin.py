"""What has been used and what bounds it, for staff."""

from django.contrib import admin

from common.admin import Permanent, StaffAdmin
from usage.models import Attempt, Counter, Limit


@admin.register(Counter)
class CounterAdmin(Permanent, StaffAdmin):
    list_display = ("subject", "model", "day", "messages", "tokens", "cost", "held_tokens", "held_cost", "running")
    search_fields = ("subject",)
    date_hierarchy = "day"
    ordering = ("-day", "-id")
    show_full_result_count = False


@admin.register(Limit)
class LimitAdmin(StaffAdmin):
    list_display = ("name", "unit", "period", "amount", "user", "group", "key", "is_shared", "model", "enabled")
    list_select_related = ("user", "group", "key")
    list_filter = ("unit", "period", "enabled")
    autocomplete_fields = ("user",)
    raw_id_fields = ("key",)


@admin.register(Attempt)
class AttemptAdmin(Permanent, StaffAdmin):
    list_display = ("day", "user", "kind", "provider", "model", "tokens_in", "tokens_out", "cost", "estimated", "error")
    list_select_related = ("user",)
    list_filter = ("kind", "estimated", "error")
    search_fields = ("user__email",)
    date_hierarchy = "day"
    ordering = ("-id",)
    show_full_result_count = False
