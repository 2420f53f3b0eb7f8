"""`/api/chats/{id}/messages/{id}/timeline/`: how a reply came about."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import viewer_of
from chats.api.serializers import PricesOutput
from chats.models import State
from chats.services.timeline import timeline
from chats.wire.schema import PROBLEMS
from usage.api import UsedOutput


class AttemptOutput(UsedOutput):
    provider = serializers.CharField()
    model = serializers.CharField()
    begun_at = serializers.DateTimeField()
    first_text_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField()
    error = serializers.CharField(help_text="empty where it went well")
    estimated = serializers.BooleanField(help_text="the provider has not told the tokens")
    prices = PricesOutput(help_text="that were in force")


class ToolTimeOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    title = serializers.CharField(allow_null=True)
    state = serializers.CharField()
    seconds = serializers.FloatField(allow_null=True)


class ContextOutput(serializers.Serializer[Any]):
    left_out = serializers.IntegerField(help_text="turns that `context_turns` would have sent")
    reason = serializers.CharField(allow_null=True, help_text="`max_context_tokens`, where any were left out")


class TimelineOutput(serializers.Serializer[Any]):
    reply = serializers.UUIDField()
    state = serializers.ChoiceField(State.choices)
    reason = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    cost = serializers.IntegerField(allow_null=True)
    context = ContextOutput()  # type: ignore[assignment]
    attempts = AttemptOutput(many=True, help_text="calls of providers, in order, once the reply has ended")
    tools = ToolTimeOutput(many=True)


class TimelineView(APIView):
    @extend_schema(operation_id="timeline_read", responses={200: TimelineOutput, **PROBLEMS})
    def get(self, request: Request, chat_id: UUID, message_id: UUID) -> Response:
        """Return how a reply came about: which providers and tools were called, how long they took, what they cost."""
        return Response(timeline(viewer_of(request).id, chat_id, message_id))
