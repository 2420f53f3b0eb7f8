"""Runs on the models of the DRF baseline; the reader is a browser that holds a token of SimpleJWT."""

# ruff: noqa: E402
import os
from urllib.parse import parse_qs

import django

django.setup()

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.urls import path
from openai import AsyncOpenAI
from rest_framework_simplejwt.tokens import AccessToken

from benchmarks.baselines.drf.models import Chat, Message

client = AsyncOpenAI(api_key="bench", base_url=os.environ["OPENAI_BASE_URL"])


class ChatConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self):
        token = parse_qs(self.scope["query_string"].decode())["token"][0]
        self.user = await User.objects.aget(id=AccessToken(token)["user_id"])
        await self.accept()
        await self.send_json({"type": "ready"})

    async def receive_json(self, content):
        messages = await self.save_question(content["chat"], content["content"])
        stream = await client.chat.completions.create(model="gpt-6-luna", messages=messages, stream=True)
        reply = ""
        async for chunk in stream:
            text = chunk.choices[0].delta.content or "" if chunk.choices else ""
            if text:
                reply += text
                await self.send_json({"type": "delta", "text": text})
        await self.save_reply(content["chat"], reply)
        await self.send_json({"type": "end"})

    @database_sync_to_async
    def save_question(self, chat_id, content):
        chat = Chat.objects.get(id=chat_id, user=self.user)
        Message.objects.create(chat=chat, role="user", content=content)
        last = Message.objects.filter(chat=chat).order_by("-created_at")[:10]
        return [{"role": message.role, "content": message.content} for message in reversed(last)]

    @database_sync_to_async
    def save_reply(self, chat_id, reply):
        Message.objects.create(chat_id=chat_id, role="assistant", content=reply)


application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": URLRouter([path("ws/chat/", ChatConsumer.as_asgi())])}
)
