"""What the bot owes and has said in channels, for staff: to read only. Texts are in the chats."""

from django.contrib import admin

from common.admin import Permanent, StaffAdmin
from streamchat.models import Channel, Reply


@admin.register(Channel)
class ChannelAdmin(Permanent, StaffAdmin):
    list_display = ("cid", "parent_id", "owner", "chat", "created_at")
    list_select_related = ("owner",)
    search_fields = ("=cid", "=chat", "owner__email")
    ordering = ("-id",)
    show_full_result_count = False


@admin.register(Reply)
class ReplyAdmin(Permanent, StaffAdmin):
    list_display = ("id", "channel", "asker", "command", "outcome", "created_at", "finished_at")
    list_filter = ("outcome", "command")
    list_select_related = ("channel",)
    search_fields = ("=channel__cid", "=asker", "=reply")
    ordering = ("-id",)
    show_full_result_count = False
