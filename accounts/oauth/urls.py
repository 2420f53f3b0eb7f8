"""Addresses of the OAuth 2 provider, each with and without its trailing slash."""

from accounts.oauth import api, consent, endpoints, metadata, pages
from common.urls import with_and_without_slash

RESOURCE = ".well-known/oauth-protected-resource"

urlpatterns = [
    *with_and_without_slash("oauth/authorize", consent.authorize, "oauth-authorize"),
    *with_and_without_slash("oauth/token", endpoints.token, "oauth-token"),
    *with_and_without_slash("oauth/revoke", endpoints.revoke, "oauth-revoke"),
    *with_and_without_slash(".well-known/oauth-authorization-server", metadata.authorization_server, "oauth-server"),
    *with_and_without_slash(RESOURCE, metadata.api, "oauth-resource"),
    *with_and_without_slash(f"{RESOURCE}/mcp", metadata.mcp, "oauth-resource-mcp"),
    *with_and_without_slash("accounts/apps", pages.connected_apps, "page-apps"),
    *with_and_without_slash("accounts/apps/<anyuuid:grant_id>/end", pages.end_app, "page-app-end"),
    *with_and_without_slash("api/grants", api.GrantsView.as_view(), "grants"),
    *with_and_without_slash("api/grants/<anyuuid:grant_id>", api.GrantView.as_view(), "grant"),
]
