"""The page of connected apps."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.oauth.models import AppGrant
from accounts.oauth.revocation import revoke_grant
from accounts.oauth.scopes import SCOPES
from accounts.pages.base import page_user
from accounts.pages.own import signed_in
from common.errors import NotFound


@signed_in
@require_safe
def connected_apps(request: HttpRequest) -> HttpResponse:
    """List what is connected, what it may do, and when it was last used."""
    grants = list(AppGrant.objects.connected().filter(user=page_user(request)).select_related("application"))
    grants.sort(key=lambda grant: grant.created_at, reverse=True)
    for grant in grants:
        grant.words = [SCOPES.get(scope, scope) for scope in grant.scopes]  # type: ignore[attr-defined]
    return render(request, "oauth/apps.html", {"grants": grants})


@signed_in
@require_POST
def end_app(request: HttpRequest, grant_id: UUID) -> HttpResponse:
    """Disconnect an app at once; somebody else's is not there, and nothing happens."""
    try:
        revoke_grant(page_user(request), grant_id)
        messages.success(request, "Disconnected. The app has no access any more.")
    except NotFound:
        messages.info(request, "That app is not connected.")
    return redirect("page-apps")
