"""How the OpenAPI document names the way in for apps."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class OAuthScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.oauth.resource_server.OAuthAuthentication"
    match_subclasses = True
    name = "oauth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        from accounts.oauth.scopes import SCOPES

        flow = {"authorizationUrl": "/oauth/authorize/", "tokenUrl": "/oauth/token/", "refreshUrl": "/oauth/token/"}
        return {"type": "oauth2", "flows": {"authorizationCode": {**flow, "scopes": SCOPES}}}
