"""Notes for staff: that they are there and how large they are, never what is in them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from notes.models import Note


@admin.register(Note)
class NoteAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "owner", "source", "length", "created_at", "updated_at")
    list_filter = ("source",)
    list_select_related = ("owner",)
    fields = readonly_fields = ("id", "owner", "source", "length", "created_at", "updated_at")
    search_fields = ("=id", "owner__email")
    ordering = ("-id",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
