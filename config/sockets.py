"""WebSockets: routed by Channels, from known origins and under our own host only; who may use one the consumers ask."""

from typing import Any

from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from django.core.exceptions import DisallowedHost
from django.urls import re_path

from accounts.errors import OriginRefused
from accounts.security.origins import handshake, require_known_origin
from chats.routing import websocket_urlpatterns


def is_welcome(scope: Any) -> bool:
    """Tell whether a handshake names one of our hosts, and comes from a known origin or from no browser at all."""
    try:
        request = handshake(scope)
        request.get_host()
        require_known_origin(request)
    except (UnicodeDecodeError, DisallowedHost, OriginRefused):
        return False
    return True


def with_sockets(http: Any) -> Any:
    """Send WebSocket handshakes to the consumers, everything else on."""
    denier = WebsocketDenier.as_asgi()
    router = URLRouter([*websocket_urlpatterns, re_path(r"", denier)])

    async def route(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            await http(scope, receive, send)
        elif is_welcome(scope):
            await router(scope, receive, send)
        else:
            await denier(scope, receive, send)

    return route
