"""Assistants of groups and of everyone, which staff make; those of users are their own affair."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework.exceptions import ValidationError

from chats.models import Assistant
from chats.services.chats import changed_settings
from chats.wire.settings import ChatSettings
from common.admin import StaffAdmin
from common.errors import Invalid
from common.problems import as_refusal
from common.views import checked_input
from llm.catalog import NO_SUCH_MODEL, catalog


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
    form = AssistantForm
    list_display = ("id", "name", "group", "model", "updated_at")
    list_filter = ("group",)
    list_select_related = ("group",)
    fields = ("name", "description", "group", "model", "settings")
    ordering = ("-created_at",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Assistant]:
        return super().get_queryset(request).filter(owner=None)
