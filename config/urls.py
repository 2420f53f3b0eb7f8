"""All addresses."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.oauth.errors import json_answer
from chats.pages.urls import page_patterns
from chats.urls import api_patterns, seed_patterns
from common.admin import with_checked_lookups
from common.content_security_policy import ADMIN, SWAGGER
from common.drf import FormatAsAsked
from common.urls import endpoints, with_and_without_slash
from common.view_options import view_options
from compat.ai_sdk import views as ai_sdk
from compat.openai import views as openai
from compat.urls import compat_patterns
from config import errors
from config.health import LiveView, ReadyView
from feed.urls import feed_patterns
from files import urls as files
from notes import urls as notes
from notes.mcp.urls import mcp_patterns
from ops.metrics.views import MetricsView
from search import urls as search
from streamchat.urls import stream_patterns
from tools import urls as tools
from usage import urls as usage

admin_patterns = admin.site.urls
# No row has a page to be viewed on, and that address takes whatever stands in it to the database.
admin_patterns[0][:] = [each for each in admin_patterns[0] if getattr(each, "name", "") != "view_on_site"]
for endpoint in endpoints(admin_patterns[0]):
    endpoint.callback = view_options(content_security_policy=ADMIN)(with_checked_lookups(endpoint.callback))
schema = SpectacularAPIView.as_view(content_negotiation_class=FormatAsAsked)
swagger = SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="docs.html")
docs = view_options(content_security_policy=SWAGGER)(swagger)


def nothing(route: str, **said: Any) -> URLPattern:
    """Route all that begins so to our own 404, under DEBUG too and whatever the method, with these view options."""
    return re_path(route, view_options(**said)(csrf_exempt(errors.missing)))


urlpatterns = [
    path("api/", include(api_patterns)),
    path("api/", include("accounts.urls")),
    path("api/", include(feed_patterns)),
    path("api/", include(notes.api_patterns)),
    path("api/", include(tools.api_patterns)),
    path("api/", include(files.api_patterns)),
    path("api/", include(usage.api_patterns)),
    *([path("api/", include(search.api_patterns)), *search.page_patterns] if settings.SEARCH else []),
    path("", include("accounts.pages.urls")),
    path("", include("accounts.oauth.urls")),
    path("", include(page_patterns)),
    *notes.page_patterns,
    *usage.page_patterns,
    *notes.openapi_patterns,
    *mcp_patterns,
    *with_and_without_slash("api/schema", schema, "schema"),
    *with_and_without_slash("api/docs", docs, "docs"),
    *seed_patterns,
    *compat_patterns,
    *stream_patterns,
    *with_and_without_slash("healthz", LiveView.as_view(), "healthz"),
    *with_and_without_slash("readyz", ReadyView.as_view(), "readyz"),
    *(with_and_without_slash("metrics", MetricsView.as_view(), "metrics") if settings.METRICS_TOKEN else []),
    path("admin/", admin_patterns),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}icon.svg")),
    # Where there is no view, errors have the shape of the neighbours. The last one matches whatever comes.
    nothing(r"^v1(?:/|$)", cors=True, refusal_response=openai.refusal_response),
    nothing(r"^api/chat(?:/|$)", cors=True, refusal_response=ai_sdk.refusal_response),
    nothing(r"^api/", cors=True),
    nothing(r"^oauth/", refusal_response=json_answer),
    nothing(r""),
]

handler400, handler403, handler404, handler500 = errors.bad, errors.forbidden, errors.missing, errors.broken
