"""Who may call: an app that a user let in, for this server and no other, and so many times a minute."""

from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItemPerMinute

from accounts.oauth.resource_server import GrantedAccess, TokenRefused, bearer_token, grant_for, mcp_resource
from accounts.security.counters import limiter
from common.errors import NotSignedIn, TooManyRequests
from common.executor import database


async def authenticated(request: HttpRequest) -> GrantedAccess:
    """Return what the access token stands for. Raises NotSignedIn, TokenRefused (both 401) or TooManyRequests.

    The header is the only place where a token is looked for.
    """
    token = bearer_token(request.META.get("HTTP_AUTHORIZATION", ""))
    if not token:
        raise NotSignedIn("Send an access token of this server's authorisation server.")
    return await database().write(_admit, token)  # it notes the use


def _admit(token: str) -> GrantedAccess:
    grant = grant_for(token, mcp_resource())
    if grant is None:
        raise TokenRefused()
    item = RateLimitItemPerMinute(settings.MCP_REQUESTS_PER_MINUTE, namespace="mcp")
    wait = limiter().take(item, str(grant.user.pk))
    if wait is not None:
        raise TooManyRequests(retry_after=wait)
    return grant
