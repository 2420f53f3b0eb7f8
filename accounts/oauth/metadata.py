"""What clients can find out by themselves: RFC 8414 and RFC 9728. Public, the same for everybody."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.oauth.scopes import DEFAULT, api_resource, mcp_resource, resources
from common.json import dumps
from common.view_options import view_options

AUTH_METHODS = ["client_secret_post", "client_secret_basic", "none"]
AGE = 300


def _public(data: dict[str, Any]) -> HttpResponse:
    headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": f"public, max-age={AGE}"}
    return HttpResponse(dumps(data), content_type="application/json", headers=headers)


def _address(name: str) -> str:
    return f"{settings.SITE_URL}{reverse(name)}"


@view_options(cors=True)
@require_safe
def authorization_server(request: HttpRequest) -> HttpResponse:
    """Describe the authorisation server (RFC 8414)."""
    data = {
        "issuer": settings.SITE_URL,
        "authorization_endpoint": _address("oauth-authorize"),
        "token_endpoint": _address("oauth-token"),
        "revocation_endpoint": _address("oauth-revoke"),
        "scopes_supported": list(DEFAULT),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": bool(settings.OAUTH_CLIENT_DOCUMENT_HOSTS),
        "protected_resources": resources(),
    }
    return _public(data)


def _resource(name: str, identifier: Callable[[], str]) -> Callable[[HttpRequest], HttpResponse]:
    @view_options(cors=True)
    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        data = {
            "resource": identifier(),
            "resource_name": name,
            "authorization_servers": [settings.SITE_URL],
            "scopes_supported": list(DEFAULT),
            "bearer_methods_supported": ["header"],
        }
        return _public(data)

    return view


api = _resource("Parley notes", api_resource)
mcp = _resource("Parley notes (MCP)", mcp_resource)
