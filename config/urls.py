"""All addresses."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from chats.urls import api_patterns, seed_patterns
from common.urls import both
from config import errors
from config.health import LiveView, ReadyView

admin.site.site_header = admin.site.site_title = "Parley"

urlpatterns = [
    path("api/", include(api_patterns)),
    path("api/", include("accounts.urls")),
    path("", include("accounts.pages.urls")),
    *both("api/schema", SpectacularAPIView.as_view(), "schema"),
    *both("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), "docs"),
    *seed_patterns,
    *both("healthz", LiveView.as_view(), "healthz"),
    *both("readyz", ReadyView.as_view(), "readyz"),
    path("admin/", admin.site.urls),
]

handler400, handler403, handler404, handler500 = errors.bad, errors.forbidden, errors.missing, errors.broken
