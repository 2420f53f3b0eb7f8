"""Two addresses for each provider that has its keys, and none of allauth's others."""

from importlib import import_module

from allauth.socialaccount.adapter import get_adapter  # type: ignore[import-untyped]
from allauth.socialaccount.providers.base.constants import AuthProcess  # type: ignore[import-untyped]
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.views.decorators.http import require_POST, require_safe

from accounts.pages.base import wanted_next
from accounts.social.adapter import failed
from common.urls import with_and_without_slash


@require_POST
def begin_sign_in(request: HttpRequest, provider: str) -> HttpResponse:
    """Send the browser to a provider; scope and purpose are ours, not the request's."""
    chosen = get_adapter(request).get_provider(request, provider)
    answer: HttpResponse = chosen.redirect(request, AuthProcess.LOGIN, next_url=wanted_next(request) or None)
    return answer


def come_back(request: HttpRequest, name: str) -> HttpResponse:
    """Take a provider's answer; allauth reads it without a look at its types."""
    callback = import_module(f"allauth.socialaccount.providers.{name}.views").oauth2_callback
    try:
        answer: HttpResponse = callback(request)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        return failed(request, get_adapter(request).get_provider(request, name), error)
    return answer


def _patterns(name: str) -> list[URLPattern]:
    here = f"accounts/social/{name}"
    return [
        *with_and_without_slash(here, lambda request: begin_sign_in(request, name), f"social-{name}"),
        *with_and_without_slash(
            f"{here}/callback", require_safe(lambda request: come_back(request, name)), f"{name}_callback"
        ),  # the name that allauth looks up
    ]


urlpatterns = [pattern for name in settings.SOCIALACCOUNT_PROVIDERS for pattern in _patterns(name)]
