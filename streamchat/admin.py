"""What the bot owes and has said in channels, for staff: to read only. Texts are in the chats."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from common.admin import ReadOnly
from streamchat.models import Channel, Reply


@admin.register(Channel)
class ChannelAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("cid", "parent_id", "owner", "chat", "created_at")
    list_select_related = ("owner",)
    search_fields = ("=cid", "=chat", "owner__email")
    ordering = ("-id",)
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Reply)
class ReplyAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "channel", "asker", "command", "outcome", "attempts", "created_at", "finished_at")
    list_filter = ("outcome", "command")
    list_select_related = ("channel",)
    search_fields = ("=channel__cid", "=asker", "=reply")
    ordering = ("-id",)
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
