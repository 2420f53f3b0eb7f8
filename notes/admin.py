"""Notes for staff: that they are there and how large they are, never what is in them."""

from django.contrib import admin

from common.admin import ReadOnly, StaffAdmin
from notes.models import Note


@admin.register(Note)
class NoteAdmin(ReadOnly, StaffAdmin):
    list_display = ("id", "owner", "source", "length", "created_at", "updated_at")
    list_filter = ("source",)
    list_select_related = ("owner",)
    fields = readonly_fields = ("id", "owner", "source", "length", "created_at", "updated_at")
    search_fields = ("=id", "owner__email")
    ordering = ("-id",)
    show_full_result_count = False
