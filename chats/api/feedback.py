"""`/api/chats/{id}/messages/{id}/feedback/`: what the user thinks of a reply."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import viewer_of
from chats.models import Feedback
from chats.services.feedback import get_feedback, put_feedback, remove_feedback
from chats.wire.schema import PROBLEMS
from common.drf import TextField
from common.views import checked_input

NO_SUCH: dict[str, Any] = {"invalid_choice": "Something in this list is none of the reasons."}


class FeedbackInput(serializers.Serializer[Any]):
    value = serializers.ChoiceField(Feedback.Value.choices, error_messages={"invalid_choice": "Send 1 or -1."})
    reasons = serializers.MultipleChoiceField(
        choices=Feedback.Reason.choices, required=False, default=set, error_messages=NO_SUCH
    )
    comment = TextField(required=False, allow_blank=True, default="", max_length=Feedback.COMMENT_CHARS)

    def validate_reasons(self, reasons: set[str]) -> list[str]:
        return [reason for reason in Feedback.Reason.values if reason in reasons]


class FeedbackOutput(serializers.ModelSerializer[Feedback]):
    reasons = serializers.ListField(child=serializers.ChoiceField(Feedback.Reason.choices))

    class Meta:
        model = Feedback
        fields = ("value", "reasons", "comment", "created_at")
        read_only_fields = fields


class FeedbackView(APIView):
    @extend_schema(operation_id="feedback_read", responses={200: FeedbackOutput, **PROBLEMS})
    def get(self, request: Request, chat_id: UUID, message_id: UUID) -> Response:
        """Return what I think of a reply; 404 where I have said nothing."""
        return Response(FeedbackOutput(get_feedback(viewer_of(request).id, chat_id, message_id)).data)

    @extend_schema(operation_id="feedback_put", request=FeedbackInput, responses={200: FeedbackOutput, **PROBLEMS})
    def put(self, request: Request, chat_id: UUID, message_id: UUID) -> Response:
        """Say what I think of a reply: a thumb up (1) or down (-1), and why; it replaces what I said before."""
        data = checked_input(FeedbackInput, request.data)
        return Response(FeedbackOutput(put_feedback(viewer_of(request).id, chat_id, message_id, **data)).data)

    @extend_schema(operation_id="feedback_remove", responses={204: None, **PROBLEMS})
    def delete(self, request: Request, chat_id: UUID, message_id: UUID) -> Response:
        """Take it back; 204 also where there is nothing to take back."""
        remove_feedback(viewer_of(request).id, chat_id, message_id)
        return Response(status=204)
