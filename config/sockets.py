"""WebSockets: routed by Channels, from listed origins only; who may use one is the consumer's to ask."""

from typing import Any
from urllib.parse import urlsplit

from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from django.conf import settings

from chats.routing import websocket_urlpatterns


def allowed_origin(scope: Any) -> bool:
    """Tell whether a handshake comes from the site, a listed front end, or no browser at all (no Origin header)."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin-1")
    if not origin:
        return True
    listed = {settings.SITE_URL, settings.FRONTEND_URL, *settings.CORS_ALLOWED_ORIGINS}
    return origin in listed or urlsplit(origin).netloc == headers.get(b"host", b"").decode("latin-1")


def with_sockets(http: Any) -> Any:
    """Send WebSocket handshakes to the consumers, everything else on."""
    router, denier = URLRouter(websocket_urlpatterns), WebsocketDenier.as_asgi()

    async def route(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            await http(scope, receive, send)
        elif allowed_origin(scope):
            await _routed(router, scope, receive, send, denier)
        else:
            await denier(scope, receive, send)

    return route


async def _routed(router: Any, scope: Any, receive: Any, send: Any, denier: Any) -> None:
    try:
        await router(scope, receive, send)
    except ValueError as error:  # Channels' way of saying that no route matches
        if "No route found" not in str(error):
            raise
        await denier(scope, receive, send)
