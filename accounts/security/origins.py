"""Which origins may send requests that carry the refresh cookie."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from accounts.errors import OriginRefused


def require_known_origin(request: HttpRequest) -> None:
    """Raise OriginRefused for a foreign or `null` origin; clients that are no browser send none, and pass."""
    origin = request.META.get("HTTP_ORIGIN")
    if origin is None:
        return
    listed = {_origin(url) for url in (*settings.CORS_ALLOWED_ORIGINS, settings.SITE_URL, settings.FRONTEND_URL)}
    if origin.lower() not in listed | {f"{request.scheme}://{request.get_host()}".lower()}:
        raise OriginRefused()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
