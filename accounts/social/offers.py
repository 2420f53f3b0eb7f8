"""The buttons on the pages where somebody comes in, for those providers that have their keys."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse

from accounts.pages.base import FormPage
from common.content_security_policy import STRICT

LABELS = {"google": "Google", "github": "GitHub"}
SITES = {"google": ("AUTHORIZE_URL", "https://accounts.google.com"), "github": ("GITHUB_URL", "https://github.com")}


def offers() -> list[tuple[str, str]]:
    """Return address and label of each button."""
    return [(reverse(f"social-{name}"), LABELS[name]) for name in settings.SOCIALACCOUNT_PROVIDERS]


def policy() -> str:
    """Return the page's policy: browsers hold a form to it when its answer leads elsewhere, too."""
    sites = [urlsplit(config.get(*SITES[name])) for name, config in settings.SOCIALACCOUNT_PROVIDERS.items()]
    targets = "".join(f" {site.scheme}://{site.netloc}" for site in sites)
    return STRICT.replace("form-action 'self'", f"form-action 'self'{targets}")


class EntryPage(FormPage):
    """A form with the buttons below it."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(offers=offers(), **kwargs)

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        response = super().render_to_response(context, **kwargs)
        response["Content-Security-Policy"] = policy()
        return response
