"""WebSocket addresses."""

from typing import Any

from django.urls import path

from chats.consumers.consumer import ChatConsumer
from chats.pages.consumer import PageConsumer
from common import urls as _converters  # noqa: F401

websocket_urlpatterns: list[Any] = [
    path("ws/chats/", ChatConsumer.as_asgi()),
    path("ws/chats", ChatConsumer.as_asgi()),
    path("ws/chats/<anyuuid:chat_id>/page/", PageConsumer.as_asgi()),
]
