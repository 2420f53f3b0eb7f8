"""Models: what they can do and cost, what else they are called, and who may use them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from llm.admin.base import CatalogAdmin, config_for, in_environment, uses_in_words
from llm.admin.words import WordsField
from llm.discovery import first_words
from llm.environment import vendor_named
from llm.known_models import KnownModel, date_of_file
from llm.models import Model, ModelGroup
from llm.offers import config_of, known_of
from llm.shutdowns import when

ABILITIES = ("tools", "images", "files", "structured_output", "sampling", "efforts")
LIMITS = ("context_tokens", "max_output_tokens")
PRICES = ("input_price", "output_price", "cached_input_price")
UNSAID = "What is left empty is what the shipped file knows, see below."


class ModelForm(forms.ModelForm):  # type: ignore[type-arg]
    efforts = WordsField(help_text="of reasoning, separated by commas; - for a model that does not reason")
    aliases = WordsField(empty=[], help_text="further names, separated by commas")
    fallbacks = WordsField(empty=[], help_text="provider/id of those that answer in its place, in order")

    def _get_validation_exclusions(self) -> set[str]:
        """Leave out that there is one default: the mark moves to this one."""
        return {*super()._get_validation_exclusions(), "default"}  # type: ignore[misc]


class ModelGroupInline(admin.TabularInline):  # type: ignore[type-arg]
    """Part of the model: who may change it may say whose it is."""

    model = ModelGroup
    extra = 1

    def _may_change(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("llm.change_model"))

    has_add_permission = has_change_permission = has_delete_permission = _may_change

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("llm.view_model")) or self._may_change(request)


@admin.register(Model)
class ModelAdmin(CatalogAdmin):
    form = ModelForm
    list_display = ("__str__", "label", "enabled", "default", "for_whom", "shutdown", "order")
    list_filter = ("provider", "enabled")
    list_select_related = ("provider",)
    search_fields = ("model_id", "label")
    fieldsets = (
        (None, {"fields": ("provider", "model_id", "label", "aliases", "fallbacks", "order", "default", "enabled")}),
        ("What it can do", {"fields": ABILITIES, "description": UNSAID}),
        ("Limits, in tokens", {"fields": LIMITS, "description": UNSAID}),
        (
            "Prices, in micro-units for a million tokens (1.25 is 1250000)",
            {"fields": PRICES, "description": UNSAID},
        ),
        ("What is known", {"fields": ("known", "shutdown", "used_by")}),
    )
    readonly_fields = ("known", "shutdown", "used_by")
    inlines = (ModelGroupInline,)
    buttons = (("test", "Test"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Switching has a page of its own, which says who loses something; the name is remembered by chats."""
        fixed = ("provider", "model_id", "enabled") if obj else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if obj.default:
            Model.objects.filter(default=True).exclude(pk=obj.pk).update(default=False)
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        named = obj and in_environment(obj.provider.name, obj.model_id)
        return super().has_delete_permission(request, obj) and not named

    @admin.display(description="for")
    def for_whom(self, model: Model) -> str:
        return ", ".join(group.name for group in model.groups.all()) or "everybody"

    @admin.display(description="shut down")
    def shutdown(self, model: Model) -> str:
        ends = _known(model).shutdown if model.pk else None
        return when(ends, timezone.now().date()) if ends else "no day is known"

    @admin.display(description="the shipped file")
    def known(self, model: Model) -> str:
        """Say what fills what is left empty."""
        found = _known(model) if model.pk else KnownModel()
        if not found.label:
            return f"knows nothing of this model ({date_of_file()})"
        said = {name: getattr(found.abilities, name) for name in (*ABILITIES, *LIMITS)}
        said |= {name: getattr(found.prices, name.removesuffix("_price")) for name in PRICES}
        return f"of {date_of_file()}: " + ", ".join(f"{name} {_shown(value)}" for name, value in said.items())

    @admin.display(description="in use by")
    def used_by(self, model: Model) -> str:
        return uses_in_words(model.names) if model.pk else ""

    def test_row(self, request: HttpRequest, row: Model) -> HttpResponseBase:
        """Have the model say a word."""
        return self.answered(
            request, row, lambda: f"{row} answers: {first_words(config_for(row.provider), row.model_id)}"
        )


def _known(model: Model) -> KnownModel:
    config, _ = config_of(vendor_named(model.provider.name), model.provider)
    return known_of(config.adapter, config.base_url, model.model_id)


def _shown(value: Any) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
    return "/".join(value) or "none"
