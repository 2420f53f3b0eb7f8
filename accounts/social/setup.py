"""What of django-allauth is put into the settings: nothing, unless a provider has its keys."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

MIDDLEWARE = "allauth.account.middleware.AccountMiddleware"
# No more than the address is asked for.
SCOPES = {"google": ["openid", "email"], "github": ["user:email"]}


def providers(keys: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """Return allauth's settings of those providers that have a client id and a secret; half a pair is a mistake."""
    for name, pair in keys.items():
        if any(pair) and not all(pair):
            prefix = name.upper()
            raise ImproperlyConfigured(f"{prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET: set both, or neither")
    return {name: _provider(name, *pair) for name, pair in keys.items() if all(pair)}


def _provider(name: str, client_id: str, secret: str) -> dict[str, Any]:
    return {
        "APPS": [{"client_id": client_id, "secret": secret}],
        "SCOPE": SCOPES[name],
        "OAUTH_PKCE_ENABLED": True,
    }


def apps(names: Iterable[str]) -> list[str]:
    """Return the applications that sign-in with these providers needs."""
    known = [f"allauth.socialaccount.providers.{name}" for name in names]
    return ["allauth.account", "allauth.socialaccount", *known, "accounts.social"]
