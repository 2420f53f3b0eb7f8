"""What the pages of providers and of models share: buttons, switching, and who would lose something."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern

from common.admin import StaffAdmin
from llm.client.types import ProviderConfig
from llm.discovery import Failed
from llm.environment import vendor_named
from llm.models import Provider
from llm.offers import config_of
from llm.signals import counting_uses

Page = Callable[[HttpRequest, Any], HttpResponseBase]


def uses(names: Iterable[str]) -> dict[str, int]:
    """Return what uses models of these names, in words, and how many of each."""
    found: dict[str, int] = {}
    for _, counted in counting_uses.send(StaffAdmin, names=sorted(set(names))):
        found |= cast(dict[str, int], counted)
    return {words: count for words, count in found.items() if count}


def uses_in_words(names: Iterable[str]) -> str:
    counted = uses(names)
    return ", ".join(f"{count} {words}" for words, count in counted.items()) or "nobody, as far as is remembered"


def in_environment(provider: str, model_id: str = "") -> bool:
    """Tell whether the environment names a provider, or a model of it, now: deleted, it would come back."""
    vendor = vendor_named(provider)
    return vendor is not None and (not model_id or model_id in vendor.model_ids)


class CatalogAdmin(StaffAdmin):
    """`buttons` are POSTs to pages of one row, each for who may change it."""

    change_form_template = "admin/llm/change_form.html"
    buttons: tuple[tuple[str, str], ...] = ()  # name of a page and of the method behind it, and what it says

    def get_urls(self) -> list[URLPattern]:
        return [*(self._url(name) for name in ("switch", *dict(self.buttons))), *super().get_urls()]

    def _url(self, name: str) -> URLPattern:
        view: Page = getattr(self, f"{name}_row")

        def page(request: HttpRequest, object_id: str) -> HttpResponseBase:
            row = self.get_object(request, unquote(object_id))
            if not self.has_change_permission(request, row):
                raise PermissionDenied
            if row is None:
                raise Http404
            if name != "switch" and request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            return view(request, row)

        route = f"<path:object_id>/{name}/"
        return path(route, self.admin_site.admin_view(page), name=self._name_of(name))

    def _name_of(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def page_of(self, row: Any, name: str = "change") -> str:
        return reverse(f"admin:{self._name_of(name)}", args=[row.pk])

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        buttons = []
        if row is not None and self.has_change_permission(request, row):
            buttons = [(self.page_of(row, name), label, "post") for name, label in self.buttons]
            buttons.append((self.page_of(row, "switch"), "Switch off" if row.enabled else "Switch on", "get"))
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "buttons": buttons})

    def switch_row(self, request: HttpRequest, row: Any) -> HttpResponseBase:
        """Show who loses something, then switch a row off; or on."""
        if request.method == "POST":
            wanted = request.POST.get("enabled") == "true"  # as it was shown: another member of staff may be quicker
            if wanted != row.enabled:
                row.enabled = wanted
                row.save(update_fields=["enabled"])
                self.log_change(request, row, f"Switched {'on' if wanted else 'off'}.")
            self.message_user(request, f"{row} is {'on' if wanted else 'off'}, everywhere within two seconds.")
            return redirect(self.page_of(row))
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "row": row, "uses": uses(row.names),
            "title": f"Switch {'off' if row.enabled else 'on'}: {row}", "back": self.page_of(row),
        }  # fmt: skip
        return TemplateResponse(request, "admin/llm/switch.html", context)

    def answered(self, request: HttpRequest, row: Any, ask: Callable[[], str]) -> HttpResponseBase:
        """Go back to a row's page with what came of asking its provider."""
        try:
            self.message_user(request, ask(), messages.SUCCESS)
        except Failed as error:
            self.message_user(request, f"{row}: {error}", messages.ERROR)
        return redirect(self.page_of(row))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Name what is lost among what goes."""
        listed, *others = super().get_deleted_objects(objs, request)
        lost = uses(name for row in objs for name in row.names)
        return [*listed, *(f"In use by {count} {words}" for words, count in lost.items())], *others

    def get_actions(self, request: HttpRequest) -> Any:
        """Leave out the deletion of many: each of them is looked at for who loses something."""
        return {name: each for name, each in super().get_actions(request).items() if name != "delete_selected"}


def config_for(row: Provider) -> ProviderConfig:
    """Return how a provider is asked, as its row says now, switched off or not; raise Failed where it cannot be."""
    config, is_usable = config_of(vendor_named(row.name), row)
    if not is_usable:
        raise Failed("It has neither a key nor an address that can be used.")
    return config
