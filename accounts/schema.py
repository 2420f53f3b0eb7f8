"""How the OpenAPI document names our ways to sign in."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.access.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        text = "`access` as POST `/api/register/` or `/api/token/` answers it: paste it here, without the word Bearer"
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": text}


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.keys.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "an API key of `/api/keys/`; under `/v1` only"}


class RefreshCookieScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.base.RefreshCookie"
    name = "refreshCookie"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        from django.conf import settings

        text = "set by signing in; browsers send it by themselves, so there is nothing to fill in"
        return {"type": "apiKey", "in": "cookie", "name": settings.REFRESH_COOKIE, "description": text}


def bearer_first(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Put the way that nearly every call takes before the others (a drf-spectacular postprocessing hook)."""
    schemes = result["components"]["securitySchemes"]
    result["components"]["securitySchemes"] = {BearerScheme.name: schemes[BearerScheme.name], **schemes}
    return result
