"""Which origins may send requests with cookies of ours: to the API, pages and MCP, and as handshakes of sockets."""

import io
import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from accounts.errors import OriginRefused
from common.requests import TextRequest

HTTP_SCHEMES = {"ws": "http", "wss": "https"}
OWN_SITES = ("same-origin", "none")  # none: the person's own doing, such as an address typed in
SITES = (*OWN_SITES, "same-site", "cross-site")
TWICE = re.compile(r",\s*https?://", re.IGNORECASE)


def require_known_origin(request: HttpRequest) -> None:
    """Raise OriginRefused for what a browser sends for a foreign site.

    A listed origin may be of another site; without one, what `Sec-Fetch-Site` says decides.
    """
    if is_own_origin(request):
        return
    listed = {_origin(url) for url in (*settings.CORS_ALLOWED_ORIGINS, settings.FRONTEND_URL)}
    if _sent(request) not in listed or _site(request) not in SITES:
        raise OriginRefused()


def is_own_origin(request: HttpRequest) -> bool:
    """Tell whether a request comes from one of the site's own pages, or from no browser; all it says must agree."""
    own = f"{request.scheme}://{request.get_host()}".lower()
    return _sent(request) in (None, own, _origin(settings.SITE_URL)) and _site(request) in OWN_SITES


def handshake(scope: Any) -> HttpRequest:
    """Return the handshake of a WebSocket as the HTTP request that it is, so that the same rules hold for it."""
    return TextRequest({**scope, "method": "GET", "scheme": HTTP_SCHEMES[scope["scheme"]]}, io.BytesIO())


def _site(request: HttpRequest) -> str:
    return str(request.META.get("HTTP_SEC_FETCH_SITE", "none")).strip().lower()


def _sent(request: HttpRequest) -> str | None:
    """Return the origin that a browser names, by `Origin` or else by `Referer`; None from what is no browser."""
    origin = request.META.get("HTTP_ORIGIN")
    if origin is not None:
        return str(origin).lower()
    referer = request.META.get("HTTP_REFERER")
    if referer is None:
        return None
    return "null" if TWICE.search(referer) else _origin(referer)


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "null"
    return f"{parts.scheme}://{parts.netloc}".lower()
