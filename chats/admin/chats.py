"""Chats and turns for staff: to read, to delete, never to write text."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join

from chats.models import Chat, Turn
from chats.services.chats import delete_chat
from chats.tree import branch
from common.admin import Permanent, ReadOnly, StaffAdmin

SHOWN = 50


@admin.register(Chat)
class ChatAdmin(ReadOnly, StaffAdmin):
    list_display = ("id", "title", "owner", "model", "last_number", "folder", "updated_at")
    list_filter = ("folder", "pinned")
    search_fields = ("=id", "owner__email", "title")
    list_select_related = ("owner",)
    ordering = ("-updated_at",)
    show_full_result_count = False
    readonly_fields = ("shown_branch",)

    @admin.display(description="the branch shown, its last 50 messages")
    def shown_branch(self, chat: Chat) -> str:
        """Return text only: what users and models wrote is inert here too."""
        rows = branch(chat.pk, chat.head_id, SHOWN) if chat.head_id else []
        return format_html_join(
            "", "<p><b>{} {}</b> {} {}</p><pre>{}</pre>",
            [(row.number, row.role, row.state, row.model, row.content) for row in rows],
        )  # fmt: skip

    def delete_model(self, request: HttpRequest, obj: Chat) -> None:
        delete_chat(obj.owner_id, obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Chat]) -> None:
        for chat in queryset:
            delete_chat(chat.owner_id, chat.pk)


@admin.register(Turn)
class TurnAdmin(Permanent, StaffAdmin):
    list_display = ("id", "chat", "user", "number", "state", "reason", "category", "attempts", "started_at", "ended_at")
    list_filter = ("state", "reason")
    list_select_related = ("chat", "user")
    search_fields = ("=chat__id", "user__email")
    exclude = ("key", "fingerprint")
    ordering = ("-id",)
    show_full_result_count = False
