"""`/api/chat`: the doors of AI SDK's `useChat`, majors 5 to 7, as its default transport calls them."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema

from accounts.access import Claims, load_viewer
from accounts.views import BearerView
from chats import turns
from chats.errors import MessageNotFound
from chats.models import Role, State
from chats.rows import MessageRow
from chats.services.chats import require_chat
from chats.services.client_ids import find_message
from chats.tree import branch
from chats.wire.idempotency import IDEMPOTENCY_KEY, idempotency_key
from common.errors import ParleyError
from common.executor import database
from common.problems import headers_of, suppress_request_log
from common.views import checked, checked_body, json_response
from compat.ai_sdk.messages import ui_message
from compat.ai_sdk.resolve import find_running, own_chat, submit
from compat.ai_sdk.schema import (
    UI_PROBLEMS,
    UI_STREAM,
    UI_TURN_PROBLEMS,
    UiHistoryQuery,
    UiMessageOutput,
    UiStoppedOutput,
    UiStreamQuery,
)
from compat.ai_sdk.stream import stream_reply
from compat.ai_sdk.submission import Submission, UiBodyInput

CHAT_NAME = OpenApiParameter("chat", str, OpenApiParameter.PATH, description="our UUID, or the client's own id")


def refusal_response(request: HttpRequest, refusal: ParleyError) -> HttpResponse:
    """Answer a refusal in a few words, since `useChat` shows the whole body to the person."""
    body = {"code": refusal.code, "detail": refusal.detail}
    return suppress_request_log(json_response(body, refusal.status, headers_of(refusal)))


class _UiView(BearerView):
    max_body = "MAX_CHAT_BODY_BYTES"
    refusal_response = staticmethod(refusal_response)


class SubmitView(_UiView):
    @extend_schema(
        operation_id="ai_sdk_submit",
        request=UiBodyInput,
        parameters=[IDEMPOTENCY_KEY],
        responses={(200, "text/event-stream"): UI_STREAM, **UI_TURN_PROBLEMS},
        tags=["ai-sdk"],
    )
    async def post(self, request: HttpRequest, claims: Claims) -> HttpResponseBase:
        """Send, edit or regenerate, and stream the reply; the chat is made on first use.

        Where the last message is a reply with answered requests for approval, it goes on, and what is new is streamed.
        """
        submission = Submission(**await checked_body(UiBodyInput, request, foreign=True, apart="messages"))
        ref = await submit(claims, submission, idempotency_key(request))
        approvals = submission.approvals or submission.answer is not None
        return await stream_reply(claims, ref, approvals, settings.CHAT_STATUS_SECONDS)


class UiStreamView(_UiView):
    @extend_schema(
        operation_id="ai_sdk_resume",
        parameters=[CHAT_NAME, UiStreamQuery],
        responses={(200, "text/event-stream"): UI_STREAM, 204: None, **UI_PROBLEMS},
        tags=["ai-sdk"],
    )
    async def get(self, request: HttpRequest, claims: Claims, chat: str) -> HttpResponseBase:
        """Follow the running reply from its first character; 204 where none runs, or it waits, or there is no chat."""
        query = checked(UiStreamQuery, request.GET)
        ref = await database().read(find_running, claims, chat)
        if ref is None:
            return HttpResponse(status=204)
        return await stream_reply(claims, ref, query["approvals"], 0)


class UiStopView(_UiView):
    @extend_schema(
        operation_id="ai_sdk_stop",
        request=None,
        parameters=[CHAT_NAME],
        responses={200: UiStoppedOutput, **UI_PROBLEMS},
        tags=["ai-sdk"],
    )
    async def post(self, request: HttpRequest, claims: Claims, chat: str) -> HttpResponse:
        """Stop the running reply and keep its text; too late or again, nothing changes."""
        chat_id = await database().read(own_chat, claims, chat)
        try:
            reply: dict[str, Any] | None = ui_message(await turns.stop(claims, chat_id))
        except MessageNotFound:  # nothing was ever asked in this chat
            reply = None
        return json_response({"message": reply})


class UiMessagesView(_UiView):
    @extend_schema(
        operation_id="ai_sdk_messages",
        parameters=[CHAT_NAME, UiHistoryQuery],
        responses={200: UiMessageOutput(many=True), **UI_PROBLEMS},
        tags=["ai-sdk"],
    )
    async def get(self, request: HttpRequest, claims: Claims, chat: str) -> HttpResponse:
        """Return the branch shown as `UIMessage[]`, oldest first, without the reply that is still being made."""
        query = checked(UiHistoryQuery, request.GET)
        rows = await database().read(_history, claims, chat, query["before"], query["limit"])
        return json_response([ui_message(row, verdicts) for row, verdicts in rows])


def _history(claims: Claims, name: str, before: str, limit: int) -> list[tuple[MessageRow, list[turns.Approval]]]:
    """Return messages, each with what has been said already of the calls that it waits with."""
    chat_id = own_chat(claims, name)
    if before:
        known = find_message(chat_id, before)
        if known is None:
            raise MessageNotFound()
        leaf = known.parent
    else:
        leaf = require_chat(load_viewer(claims).id, chat_id)
    rows = branch(chat_id, leaf, limit) if leaf else []
    shown = [row for row in rows if row.role == Role.USER or (row.length and row.state != State.STREAMING)]
    return [(row, turns.approvals_on(row.id) if row.state == State.WAITING else []) for row in shown]
