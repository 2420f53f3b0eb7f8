"""Providers: whom they are, how they are asked, whether they answer. A key goes in and never comes out."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from common.errors import NotJson
from common.json import loads
from common.secrets import Unreadable, seal, unseal
from llm.admin.base import CatalogAdmin, config_for, in_environment
from llm.client.types import Quirks
from llm.discovery import Failed, first_words, found_models
from llm.environment import DEMO, VENDORS, configured
from llm.models import Model, Provider
from llm.quirks import NAMES

MOST_ADDED = 500


class QuirksField(forms.JSONField):
    """JSON read as strangers' is, however deep and odd, and shown again as it was entered."""

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return loads(value.encode()) if value.strip() else None
        except NotJson as error:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid", {"value": value}) from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial if self.disabled else InvalidJSONInput(data or "")


class ProviderForm(forms.ModelForm):  # type: ignore[type-arg]
    key = forms.RegexField(
        r"^[\x21-\x7e]+$",
        required=False,
        max_length=2000,
        label="new key",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
        error_messages={"invalid": "A key is plain text without blanks."},
        help_text="it is stored sealed, and shown to nobody; empty: as it is",
    )
    without_key = forms.BooleanField(required=False, label="forget the stored key")

    def clean_quirks(self) -> dict[str, Any]:
        return self.cleaned_data["quirks"] or {}

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        moved = {"base_url", "adapter"} & set(self.changed_data)
        if found.get("without_key") and found.get("key"):
            self.add_error("key", "Enter a new key, or have the stored one forgotten.")
        if moved and self.instance.sealed_key and not found.get("key") and not found.get("without_key"):
            self.add_error("key", "Enter the key as well: one that is stored does not go to another address.")
        name = self.instance.name or found.get("name", "")
        if "adapter" in self.fields and not found.get("adapter") and name not in (*VENDORS, DEMO):
            self.add_error("adapter", "Say what it speaks.")
        return found

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors and self.cleaned_data.get("key"):
            self.instance.sealed_key = seal(self.cleaned_data["key"])
        elif not self.errors and self.cleaned_data.get("without_key"):
            self.instance.sealed_key = ""


@admin.register(Provider)
class ProviderAdmin(CatalogAdmin):
    form = ProviderForm
    list_display = ("name", "label", "adapter", "base_url", "key_state", "model_count", "enabled", "order")
    list_filter = ("enabled", "adapter")
    search_fields = ("name", "label")
    fields = ("name", "label", "adapter", "base_url", "key_state", "key", "without_key", "quirks", "order", "enabled")
    readonly_fields = ("key_state",)
    buttons = (("test", "Test"), ("models", "List its models"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Provider]:
        rows: QuerySet[Provider] = super().get_queryset(request).annotate(count=Count("models"))
        return rows

    def get_readonly_fields(self, request: HttpRequest, obj: Provider | None = None) -> Any:
        """Switching has a page of its own, which says who loses something; a name is remembered by chats."""
        return (*super().get_readonly_fields(request, obj), *(("name", "enabled") if obj else ()))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "quirks":
            kwargs["form_class"] = QuirksField
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "quirks" and field is not None:
            field.help_text = f"a JSON object; {', '.join(f'{name}: {getattr(Quirks(), name)}' for name in NAMES)}"
        return field

    def set_with(self, request: HttpRequest, form: Any) -> tuple[str, ...]:
        return ("sealed_key",) if {"key", "without_key"} & set(form.changed_data) else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and in_environment(obj.name))

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, *args: Any, **kwargs: Any) -> Any:
        return super().changeform_view(*args, **kwargs)

    @admin.display(description="key")
    def key_state(self, provider: Provider) -> str:
        """Say whether there is a key, and nothing of it."""
        if provider.sealed_key:
            try:
                unseal(provider.sealed_key)
            except Unreadable:
                return "stored, but sealed with a key that is no longer in SECRETS_KEYS: enter it anew"
            return "stored"
        if provider.name in VENDORS and not provider.base_url:
            return "from the environment" if configured(provider.name) else "none in the environment"
        return "none"

    @admin.display(description="models", ordering="count")
    def model_count(self, provider: Any) -> int:
        return int(provider.count)

    def test_row(self, request: HttpRequest, row: Provider) -> HttpResponseBase:
        """Have the provider list its models, and the first enabled one say a word."""
        return self.answered(request, row, lambda: _tested(row))

    def models_row(self, request: HttpRequest, row: Provider) -> HttpResponseBase:
        """Show what the provider lists, to choose from; or add what was chosen."""
        if chosen := request.POST.getlist("model"):
            return self._add(request, row, chosen[:MOST_ADDED])
        try:
            found = found_models(config_for(row))
        except Failed as error:
            self.message_user(request, f"{row}: {error}", messages.ERROR)
            return redirect(self.page_of(row))
        there = set(row.models.values_list("model_id", flat=True))
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "row": row, "back": self.page_of(row),
            "found": [(name, name in there) for name in found], "title": f"Models of {row}",
        }  # fmt: skip
        return TemplateResponse(request, "admin/llm/found_models.html", context)

    def _add(self, request: HttpRequest, row: Provider, chosen: list[str]) -> HttpResponse:
        if not request.user.has_perm("llm.add_model"):
            self.message_user(request, "You may not add models.", messages.ERROR)
            return redirect(self.page_of(row))
        added, there = 0, set(row.models.values_list("model_id", flat=True))
        for name in dict.fromkeys(chosen):
            model = Model(provider=row, model_id=name)
            try:
                model.full_clean()
            except forms.ValidationError:
                continue
            model.save()
            added += 1
        self.message_user(request, f"Added: {added}. Already there: {len(there & set(chosen))}.", messages.SUCCESS)
        return redirect(self.page_of(row))


def _tested(row: Provider) -> str:
    config = config_for(row)
    model = row.models.filter(enabled=True).first()
    if model is None:
        return f"{row} answers, and lists {len(found_models(config))} models; none of them is enabled here yet."
    return f"{model} answers: {first_words(config, model.model_id)}"
