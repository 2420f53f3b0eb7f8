"""The headers that guard browsers, on every answer: of views, streams, static files, and of the server itself."""

import time
from typing import Any

from django.conf import settings

Headers = list[tuple[bytes, bytes]]


def _hsts() -> Headers:
    if not settings.SECURE_HSTS_SECONDS:
        return []
    words = [f"max-age={settings.SECURE_HSTS_SECONDS}"]
    words += ["includeSubDomains"] * settings.SECURE_HSTS_INCLUDE_SUBDOMAINS
    words += ["preload"] * settings.SECURE_HSTS_PRELOAD
    return [(b"strict-transport-security", "; ".join(words).encode())]


PLAIN: Headers = [
    (b"referrer-policy", str(settings.SECURE_REFERRER_POLICY).encode()),
    (b"cross-origin-opener-policy", str(settings.SECURE_CROSS_ORIGIN_OPENER_POLICY).encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", settings.X_FRAME_OPTIONS.encode()),
]
SECURE: Headers = [*PLAIN, *_hsts()]
NAMES = {name: name.title() for name, _ in SECURE}  # as servers and as Django write them
NAMES |= {title: title for title in NAMES.values()}


def server_headers(scheme: str) -> Headers:
    """Return the headers of an answer for which no request was read: a trusted proxy is taken to speak https."""
    return SECURE if scheme in ("https", "wss") or settings.TRUSTED_PROXIES else PLAIN


def with_response_headers(application: Any) -> Any:
    """Wrap the whole application; what an answer says itself stays."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        def guarded(message: Any) -> Any:
            if message["type"] == "http.response.start":
                scope["answered"] = message["status"], time.monotonic()
                _add(message, SECURE if _is_secure(scope) else PLAIN)
            return send(message)

        await application(scope, receive, guarded)

    return wrapped


def _add(message: Any, headers: Headers) -> None:
    sent: Headers = message.get("headers", [])
    names = dict(sent).keys()
    if not names.isdisjoint(NAMES):
        headers = [header for header in headers if header[0] not in names and NAMES[header[0]] not in names]
    message["headers"] = [*sent, *headers]


def _is_secure(scope: Any) -> bool:
    """Tell what `request.is_secure()` tells."""
    if settings.SECURE_PROXY_SSL_HEADER is not None:
        variable, value = settings.SECURE_PROXY_SSL_HEADER
        name = variable.removeprefix("HTTP_").replace("_", "-").lower().encode()
        for sent, told in scope["headers"]:
            if sent == name:
                return bool(told.partition(b",")[0].strip() == value.encode())
    return bool(scope["scheme"] == "https")
