"""django-oauth-toolkit's settings: the code grant with S256 and nothing else, hashes at rest."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from accounts.oauth.scopes import SCOPES

_GATES = (
    "IMPLICIT_GRANT",
    "PASSWORD_GRANT",
    "PKCE_METHOD",
    "ACCESS_TOKEN_TRANSPORT",
    "AUTHZ_RESPONSE_ISS",
    "TOKEN_STORAGE",
    "REFRESH_TOKEN",
    "REDIRECT_URI_MATCHING",  # REDIRECT_URI_SCHEME would leave no loopback: see `clients.may_be_sent_to`
    "PKCE_REQUIRED",
)


def document_hosts(words: Sequence[str]) -> list[str]:
    """Return the hosts that client documents may come from; `none` is none, and everywhere is a mistake."""
    if "*" in words:
        raise ImproperlyConfigured("OAUTH_CLIENT_DOCUMENT_HOSTS: name the hosts; * would fetch from anywhere")
    return [word for word in words if word != "none"]


def provider(site: str, document_hosts: Sequence[str], access_seconds: int, code_seconds: int) -> dict[str, Any]:
    """Return `OAUTH2_PROVIDER`."""
    return {
        **{f"COMPLIANT_BCP_RFC9700_{name}": True for name in _GATES},
        "ALLOWED_REDIRECT_URI_SCHEMES": ["https", "http"],
        "ALLOW_LOCALHOST_LOOPBACK": True,
        "OIDC_ISS_ENDPOINT": site,  # the issuer, also without OpenID Connect, which is off
        "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.WebApplicationServer",
        "OAUTH2_VALIDATOR_CLASS": "accounts.oauth.validator.Validator",
        "OAUTH2_BACKEND_CLASS": "accounts.oauth.backend.Backend",
        "APPLICATION_ADMIN_CLASS": "accounts.oauth.client_admin.ClientAdmin",
        "ACCESS_TOKEN_GENERATOR": "accounts.oauth.tokens.access_token",
        "REFRESH_TOKEN_GENERATOR": "accounts.oauth.tokens.refresh_token",
        "SCOPES": SCOPES,
        "ACCESS_TOKEN_EXPIRE_SECONDS": access_seconds,
        "AUTHORIZATION_CODE_EXPIRE_SECONDS": code_seconds,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        "CIMD_ENABLED": bool(document_hosts),
        "CIMD_ALLOWED_HOSTS": list(document_hosts),
        "CIMD_REGISTRATION_PERMISSION_CLASSES": ["oauth2_provider.cimd.HostAllowlistCIMDPermission"],
        "CIMD_METADATA_FETCHER": "accounts.oauth.client_documents.DocumentFetcher",
    }
