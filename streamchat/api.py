"""What people's own clients ask of us beside Stream: a token to connect with, and to stop the bot."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from accounts.access import Claims, Viewer, load_viewer, require_confirmed
from accounts.views import BearerView
from chats.models import State
from chats.wire.schema import PROBLEMS
from common.drf import TextField
from common.executor import database
from common.views import checked_body, json_response, read_object
from streamchat.identity import require_configured, stream_id
from streamchat.stopping import stop_in_channel
from streamchat.worker import worker


class StreamTokenOutput(serializers.Serializer[Any]):
    api_key = serializers.CharField()
    user_id = serializers.CharField(help_text="what this user is called on Stream")
    token = serializers.CharField(help_text="for the client's connectUser; ask again when it has expired")
    expires_at = serializers.DateTimeField()


class StreamStopInput(serializers.Serializer[Any]):
    parent_id = TextField(required=False, default="", allow_blank=True, max_length=255, help_text="the thread, if any")


class StreamStopOutput(serializers.Serializer[Any]):
    message_id = serializers.CharField(help_text="the bot's message on Stream")
    state = serializers.ChoiceField(choices=State.choices)


class _StreamView(BearerView):
    """Not there at all, whoever asks, on a server without Stream."""

    async def authenticate(self, request: HttpRequest) -> Claims:
        require_configured()
        return await super().authenticate(request)


class StreamTokenView(_StreamView):
    @extend_schema(operation_id="stream_token", request=None, responses={200: StreamTokenOutput, **PROBLEMS})
    async def post(self, request: HttpRequest, claims: Claims) -> HttpResponse:
        """Make a token for the signed-in user's own id on Stream, and for no other."""
        viewer = await database().read(_confirmed, claims)
        sdk = await worker().client.sdk()
        seconds, name = settings.STREAM_TOKEN_SECONDS, stream_id(viewer.id)
        return json_response(
            {
                "api_key": settings.STREAM_API_KEY,
                "user_id": name,
                "token": sdk.create_token(name, expiration=seconds),
                "expires_at": timezone.now() + timedelta(seconds=seconds),
            }
        )


def _confirmed(claims: Claims) -> Viewer:
    viewer = load_viewer(claims)
    require_confirmed(viewer)
    return viewer


class ChannelStopView(_StreamView):
    @extend_schema(operation_id="stream_stop", request=StreamStopInput, responses={200: StreamStopOutput, **PROBLEMS})
    async def post(self, request: HttpRequest, claims: Claims, cid: str) -> HttpResponse:
        """Stop the bot's newest reply in a channel or thread: for who asked it, and for the owner of the chat."""
        data = checked_body(StreamStopInput, read_object(request))
        stopped = await stop_in_channel(claims, cid, data["parent_id"])
        return json_response({"message_id": stopped.message_id, "state": stopped.reply.state})
