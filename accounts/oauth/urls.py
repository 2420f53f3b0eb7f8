"""Addresses of the OAuth 2 provider, each with and without its trailing slash."""

from accounts.oauth import api, consent, endpoints, metadata, pages
from common.urls import both

RESOURCE = ".well-known/oauth-protected-resource"

urlpatterns = [
    *both("oauth/authorize", consent.authorize, "oauth-authorize"),
    *both("oauth/token", endpoints.token, "oauth-token"),
    *both("oauth/revoke", endpoints.revoke, "oauth-revoke"),
    *both(".well-known/oauth-authorization-server", metadata.server, "oauth-server"),
    *both(RESOURCE, metadata.api, "oauth-resource"),
    *both(f"{RESOURCE}/mcp", metadata.mcp, "oauth-resource-mcp"),
    *both("accounts/apps", pages.apps, "page-apps"),
    *both("accounts/apps/<anyuuid:grant_id>/end", pages.end_app, "page-app-end"),
    *both("api/grants", api.GrantsView.as_view(), "grants"),
    *both("api/grants/<anyuuid:grant_id>", api.GrantView.as_view(), "grant"),
]
