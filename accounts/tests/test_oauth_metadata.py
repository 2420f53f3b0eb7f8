"""Everything advertised is true, and everything true is advertised."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.conf import settings as own

from accounts.tests.oauth_actors import App, Browser

SERVER, RESOURCE = "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource"


@pytest.fixture
def document(site: str) -> dict[str, Any]:
    return dict(httpx.get(site + SERVER).json())


def test_the_server_document(document: dict[str, Any]) -> None:
    url = own.SITE_URL
    methods = ["client_secret_post", "client_secret_basic", "none"]
    assert document == {
        "issuer": url,
        "authorization_endpoint": f"{url}/oauth/authorize/",
        "token_endpoint": f"{url}/oauth/token/",
        "revocation_endpoint": f"{url}/oauth/revoke/",
        "scopes_supported": ["notes:read", "notes:write"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
        "protected_resources": [url, f"{url}/mcp"],
    }


def test_the_advertised_endpoints_are_there(document: dict[str, Any], site: str) -> None:
    expected = {"authorization_endpoint": 400, "token_endpoint": 405, "revocation_endpoint": 405}
    for name, status in expected.items():
        assert httpx.get(document[name].replace(own.SITE_URL, site)).status_code == status


@pytest.mark.parametrize(("path", "suffix"), [(RESOURCE, ""), (f"{RESOURCE}/mcp", "/mcp")])
def test_the_resource_documents(site: str, path: str, suffix: str) -> None:
    for spelling in (path, f"{path}/"):
        answer = httpx.get(site + spelling)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        data = answer.json()
        assert data.pop("resource_name")
        assert data == {
            "resource": own.SITE_URL + suffix,
            "authorization_servers": [own.SITE_URL],
            "scopes_supported": ["notes:read", "notes:write"],
            "bearer_methods_supported": ["header"],
        }


def test_without_listed_hosts_documents_are_not_advertised(site: str, settings: Any) -> None:
    settings.OAUTH_CLIENT_DOCUMENT_HOSTS = []

    assert httpx.get(site + SERVER).json()["client_id_metadata_document_supported"] is False


@pytest.mark.parametrize("path", [
    "/.well-known/openid-configuration", "/.well-known/jwks.json", f"{SERVER}/tenant", f"{RESOURCE}/other",
    "/oauth/introspect/", "/oauth/device-authorization/", "/oauth/register/", "/oauth/userinfo/",
    "/oauth/applications/", "/oauth/authorized_tokens/", "/oauth/logout/", "/oauth/",
])  # fmt: skip
def test_what_is_not_offered_is_not_there(site: str, path: str) -> None:
    for method in ("GET", "POST"):
        assert httpx.request(method, site + path).status_code == 404


def test_every_advertised_way_to_authenticate_works(
    browser: Browser, chatgpt: App, tool: App, apps: Callable[..., App]
) -> None:
    header = apps(chatgpt.client_id, chatgpt.secret, basic=True)
    for app in (chatgpt, header):
        assert app.exchange(browser.allow(app)["code"]).status_code == 200
    code = browser.allow(tool, **tool.pkce())["code"]
    tokens = tool.exchange(code, code_verifier=tool.verifier).json()
    assert tool.refresh(tokens["refresh_token"]).status_code == 200
    assert tool.revoke(tokens["refresh_token"]).status_code == 200
