"""Limits of the OAuth endpoints, per network. All users of one app come to the token endpoint from its networks."""

from limits import RateLimitItem, RateLimitItemPerMinute

from accounts.errors import TooManyAttempts
from accounts.models.tokens import hash_of
from accounts.security.counters import limiter


def _take(item: RateLimitItem, *key: str) -> None:
    wait = limiter().take(item, *key)
    if wait is not None:
        raise TooManyAttempts(retry_after=wait)


def count_request(per_minute: int, endpoint: str, network: str) -> None:
    """Count one request; raise TooManyAttempts."""
    _take(RateLimitItemPerMinute(per_minute, namespace=f"oauth-{endpoint}"), network)


def count_secret(failures: int, client_id: str, network: str) -> None:
    """Count one try of a client's secret before it is checked; raise TooManyAttempts."""
    _take(_secrets(failures), hash_of(client_id), network)


def secret_was_right(failures: int, client_id: str, network: str) -> None:
    """Forget the failures of this client in this network."""
    limiter().forget(_secrets(failures), hash_of(client_id), network)


def _secrets(failures: int) -> RateLimitItem:
    return RateLimitItemPerMinute(failures, 15, namespace="oauth-secrets")
