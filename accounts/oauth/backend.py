"""How requests reach oauthlib."""

from urllib.parse import urlencode

from django.http import HttpRequest
from oauth2_provider.oauth2_backends import OAuthLibCore

from accounts.models.tokens import hash_of


class Backend(OAuthLibCore):
    """Parameters without a value count as omitted (RFC 6749, 3.1), and codes are known by their hash only."""

    def _get_escaped_full_path(self, request: HttpRequest) -> str:
        given = [(name, value) for name, values in request.GET.lists() for value in values if value]
        return f"{request.path}?{urlencode(given)}" if given else request.path

    def extract_body(self, request: HttpRequest) -> list[tuple[str, str]]:
        given = [(name, value) for name, value in super().extract_body(request) if value]
        return [(name, hash_of(value) if name == "code" else value) for name, value in given]
