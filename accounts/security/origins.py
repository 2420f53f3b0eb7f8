"""Which origins may send requests that carry cookies of ours: for the API, MCP, and the handshakes of sockets."""

import io
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from accounts.errors import OriginRefused

HTTP_SCHEMES = {"ws": "http", "wss": "https"}


def require_known_origin(request: HttpRequest) -> None:
    """Raise OriginRefused for a foreign or `null` origin; clients that are no browser send none, and pass."""
    known = {_origin(url) for url in (*settings.CORS_ALLOWED_ORIGINS, settings.FRONTEND_URL)}
    if not is_own_origin(request) and _sent(request) not in known:
        raise OriginRefused()


def is_own_origin(request: HttpRequest) -> bool:
    """Tell whether a request comes from one of the site's own pages, or from no browser."""
    own = f"{request.scheme}://{request.get_host()}".lower()
    return _sent(request) in (None, own, _origin(settings.SITE_URL))


def handshake(scope: Any) -> HttpRequest:
    """Return the handshake of a WebSocket as the HTTP request that it is, so that the same rules hold for it."""
    return ASGIRequest({**scope, "method": "GET", "scheme": HTTP_SCHEMES[scope["scheme"]]}, io.BytesIO())


def _sent(request: HttpRequest) -> str | None:
    origin = request.META.get("HTTP_ORIGIN")
    return None if origin is None else str(origin).lower()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
