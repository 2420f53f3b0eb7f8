"""All addresses."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from chats.pages.urls import page_patterns
from chats.urls import api_patterns, seed_patterns
from common.urls import with_and_without_slash
from compat.urls import compat_patterns
from config import errors
from config.health import LiveView, ReadyView
from notes import urls as notes
from notes.mcp.urls import mcp_patterns
from streamchat.urls import stream_patterns

urlpatterns = [
    path("api/", include(api_patterns)),
    path("api/", include("accounts.urls")),
    path("api/", include(notes.api_patterns)),
    path("", include("accounts.pages.urls")),
    path("", include("accounts.oauth.urls")),
    path("", include(page_patterns)),
    *notes.page_patterns,
    *notes.openapi_patterns,
    *mcp_patterns,
    *with_and_without_slash("api/schema", SpectacularAPIView.as_view(), "schema"),
    *with_and_without_slash("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), "docs"),
    *seed_patterns,
    *compat_patterns,
    *stream_patterns,
    *with_and_without_slash("healthz", LiveView.as_view(), "healthz"),
    *with_and_without_slash("readyz", ReadyView.as_view(), "readyz"),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}icon.svg")),
    re_path(r"", csrf_exempt(errors.missing)),  # our own answer under DEBUG too, whatever the method
]

handler400, handler403, handler404, handler500 = errors.bad, errors.forbidden, errors.missing, errors.broken
