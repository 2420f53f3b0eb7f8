"""Addresses of the streamchat app."""

from django.urls import register_converter
from django.urls.converters import StringConverter

from common.urls import with_and_without_slash
from streamchat.api import ChannelStopView, StreamTokenView
from streamchat.payload import CHANNEL
from streamchat.webhook import WebhookView


class ChannelConverter(StringConverter):
    """The id of a channel as Stream writes it, `type:id`."""

    regex = CHANNEL.pattern


register_converter(ChannelConverter, "cid")

stream_patterns = [
    *with_and_without_slash("webhooks/stream", WebhookView.as_view(), "stream-webhook"),
    *with_and_without_slash("api/stream/token", StreamTokenView.as_view(), "stream-token"),
    *with_and_without_slash("api/stream/channels/<cid:cid>/stop", ChannelStopView.as_view(), "stream-stop"),
]
