"""What users have used, for staff to read."""

from django.contrib import admin

from common.admin import Permanent, StaffAdmin
from usage.models import Day


@admin.register(Day)
class DayAdmin(Permanent, StaffAdmin):
    list_display = ("user", "day", "messages", "tokens", "starts_at", "ends_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    date_hierarchy = "day"
    ordering = ("-day", "-id")
    show_full_result_count = False
