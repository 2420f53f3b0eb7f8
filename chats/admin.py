"""Chats and turns for staff: to read, to delete, never to write text."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils.html import format_html_join
from rest_framework.exceptions import ValidationError

from chats.models import Assistant, Chat, Feedback, Turn
from chats.services.chats import changed_settings, delete_chat
from chats.tree import branch
from chats.wire.settings import ChatSettings
from common.admin import Permanent, ReadOnly, StaffAdmin
from common.errors import Invalid
from common.problems import as_refusal
from common.views import checked_input
from llm.catalog import NO_SUCH_MODEL, catalog

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


class AssistantForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_settings(self) -> dict[str, Any]:
        """Take what a chat would take."""
        try:
            return changed_settings({}, checked_input(ChatSettings, self.cleaned_data["settings"]))
        except (Invalid, ValidationError) as error:
            refusal = as_refusal(error)
            words = [f"{name}: {text}" for name, texts in refusal.errors.items() for text in texts] if refusal else []
            raise forms.ValidationError(words) from error

    def clean_model(self) -> str:
        name: str = self.cleaned_data["model"]
        if name and not catalog().is_known(name):
            raise forms.ValidationError(NO_SUCH_MODEL)
        return name


@admin.register(Assistant)
class AssistantAdmin(StaffAdmin):
    """Those of groups and of everyone; those of users are their own affair."""

    form = AssistantForm
    list_display = ("id", "name", "group", "model", "updated_at")
    list_filter = ("group",)
    list_select_related = ("group",)
    fields = ("name", "description", "group", "model", "settings")
    ordering = ("-created_at",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Assistant]:
        return super().get_queryset(request).filter(owner=None)


@admin.register(Turn)
class TurnAdmin(Permanent, StaffAdmin):
    list_display = ("id", "chat", "user", "number", "state", "reason", "category", "attempts", "started_at", "ended_at")
    list_filter = ("state", "reason")
    list_select_related = ("chat", "user")
    search_fields = ("=chat__id", "user__email")
    exclude = ("key", "fingerprint")
    ordering = ("-id",)
    show_full_result_count = False


class ReasonFilter(admin.SimpleListFilter):
    title = parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in Feedback.Reason.choices]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Feedback]") -> "QuerySet[Feedback]":
        """Keep the rows that name the reason: names are of a closed list, none of which holds another in quotes."""
        if self.value() not in Feedback.Reason.values:
            return queryset
        written = Cast("reasons", TextField())
        return queryset.annotate(written=written).filter(written__contains=f'"{self.value()}"')


@admin.register(Feedback)
class FeedbackAdmin(Permanent, StaffAdmin):
    """The comment is text of its user: it stands on the page of the one row, and in no list, search or filter."""

    list_display = ("message_id", "chat_id", "owner", "value", "given_reasons", "has_comment", "created_at")
    list_filter = ("value", ReasonFilter, "created_at")
    list_select_related = ("chat__owner",)
    search_fields = ("=message__id", "=chat__id", "chat__owner__email")
    ordering = ("-created_at",)
    show_full_result_count = False

    @admin.display(ordering="chat__owner")
    def owner(self, feedback: Feedback) -> str:
        return str(feedback.chat.owner)

    @admin.display(description="reasons")
    def given_reasons(self, feedback: Feedback) -> str:
        return ", ".join(feedback.reasons)

    @admin.display(boolean=True, description="comment")
    def has_comment(self, feedback: Feedback) -> bool:
        return bool(feedback.comment)
