"""How the resource servers (the notes API, MCP) let apps in.

DRF views take `OAuthProtected` with `OAuthAuthentication`, or with `OAuthBesideSession` where the user's own front end
is welcome too, and call `require_scope`. Other doors call `grant_for` and answer refusals with `challenge`.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.models.tokens import hash_of
from accounts.oauth.models import AppGrant
from accounts.oauth.scopes import DEFAULT, api_resource, mcp_resource
from common.errors import NotAllowed, NotSignedIn

__all__ = [
    "GrantedAccess", "InsufficientScope", "OAuthAuthentication", "OAuthBesideSession", "OAuthProtected",
    "TokenRefused", "api_resource", "bearer_token", "challenge", "grant_for", "mcp_resource", "require_scope",
]  # fmt: skip

ACCESS_PREFIX = "parley-at-"
LAST_USE_STEP = timedelta(minutes=1)


class TokenRefused(NotSignedIn):
    code, title = "invalid_token", "The access token is invalid, has expired or was revoked."


class InsufficientScope(NotAllowed):
    code, title = "insufficient_scope", "The app was not granted that."

    def __init__(self, scope: str) -> None:
        super().__init__(f"The app was not granted the scope {scope}.")
        self.scope = scope


@dataclass(frozen=True, slots=True)
class GrantedAccess:
    """Who lets an app in, and what the app may do."""

    id: UUID
    user: User
    scopes: frozenset[str]
    client_id: str
    client_name: str

    def require(self, scope: str) -> None:
        """Raise InsufficientScope (403) where the user has not granted this."""
        if scope not in self.scopes:
            raise InsufficientScope(scope)


def grant_for(raw_token: str, resource: str) -> GrantedAccess | None:
    """Return what an access token stands for at this resource server (RFC 8707), or None where it lets nobody in.

    Synchronous, two queries; notes the use, at most once a minute. `resource` is `api_resource()` or `mcp_resource()`.
    """
    if not raw_token.startswith(ACCESS_PREFIX):
        return None
    from oauth2_provider.models import AccessToken

    found = AccessToken.objects.select_related("refresh_token").filter(token_checksum=hash_of(raw_token)).first()
    if found is None or found.is_expired() or resource not in found.resource:
        return None
    bound = getattr(found, "refresh_token", None)
    if bound is None or bound.revoked is not None:
        return None
    return _of(bound.token_family, found.scope)


def _of(family: UUID, scope: str) -> GrantedAccess | None:
    row = AppGrant.objects.alive().select_related("user__profile", "application").filter(pk=family).first()
    if row is None:
        return None
    _note_use(row)
    name = row.application.name or row.application.client_id
    scopes = frozenset(scope.split()) & frozenset(row.scopes)
    return GrantedAccess(row.pk, row.user, scopes, row.application.client_id, name)


def _note_use(row: AppGrant) -> None:
    now = timezone.now()
    if row.last_used_at is None or row.last_used_at < now - LAST_USE_STEP:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USE_STEP)
        AppGrant.objects.filter(stale, pk=row.pk).update(last_used_at=now)


def challenge(resource: str, error: str = "", scope: str = " ".join(DEFAULT)) -> str:
    """Return the `WWW-Authenticate` value of a refusal (RFC 6750, RFC 9728).

    No error where no token was sent; else `invalid_token` with 401, or `insufficient_scope` with 403 and the scope
    that is missing.
    """
    site = api_resource()
    metadata = f"{site}/.well-known/oauth-protected-resource{resource.removeprefix(site)}"
    named = f'Bearer resource_metadata="{metadata}", scope="{scope}"'
    return f'{named}, error="{error}"' if error else named


def bearer_token(header: str) -> str | None:
    """Return the token of an `Authorization` header; None where it carries none. No other place is looked at."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class OAuthAuthentication(BaseAuthentication):
    """DRF: `request.user` is the User (profile loaded), `request.auth` the GrantedAccess.

    A chat's JWT and an API key are no action tokens: 401. The view says by `oauth_resource` which server it belongs to.
    """

    others_follow = False

    def authenticate(self, request: Request) -> tuple[User, GrantedAccess] | None:
        token = bearer_token(request.META.get("HTTP_AUTHORIZATION", ""))
        if token is None or (self.others_follow and not token.startswith(ACCESS_PREFIX)):
            return None
        grant = grant_for(token, _resource_of(request))
        if grant is None:
            raise TokenRefused()
        return grant.user, grant

    def authenticate_header(self, request: Request) -> str:
        return challenge(_resource_of(request))


class OAuthBesideSession(OAuthAuthentication):
    """The same, first of several: what is none of an app's tokens is left to the next authenticator."""

    others_follow = True


def _resource_of(request: Request) -> str:
    view = (request.parser_context or {}).get("view")
    return str(getattr(view, "oauth_resource", api_resource)())


class OAuthProtected:
    """Mixin before APIView: refusals carry the challenge that tells an app where to get a token, or which scope."""

    oauth_resource = staticmethod(api_resource)

    def handle_exception(self, exc: Exception) -> Response:
        response: Response = super().handle_exception(exc)  # type: ignore[misc]
        if isinstance(exc, InsufficientScope):
            response["WWW-Authenticate"] = challenge(self.oauth_resource(), "insufficient_scope", exc.scope)
        elif response.status_code == NotSignedIn.status:
            sent = bearer_token(self.request.META.get("HTTP_AUTHORIZATION", ""))  # type: ignore[attr-defined]
            response["WWW-Authenticate"] = challenge(self.oauth_resource(), "invalid_token" if sent else "")
        return response


def require_scope(request: Request, scope: str) -> None:
    """Raise InsufficientScope for an app that was not granted this; the user's own front end may do everything."""
    auth: Any = request.auth
    if isinstance(auth, GrantedAccess):
        auth.require(scope)
