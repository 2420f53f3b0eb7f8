"""The streaming doors under `/api/chats/{id}/`: async, without a thread or a database connection while they wait."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema

from accounts.access import Claims
from accounts.views import BearerView
from chats import turns
from chats.api.serializers import (
    ApprovalsInput,
    DecisionOutput,
    EditInput,
    FollowQuery,
    MessageOutput,
    MessagesPageOutput,
    MessagesQuery,
    PromptInput,
    RegenerateInput,
    SendQuery,
    TurnOutput,
)
from chats.connections import OpenStream
from chats.models import State
from chats.services.messages import read_page
from chats.wire import sse
from chats.wire.idempotency import IDEMPOTENCY_KEY, idempotency_key
from chats.wire.payloads import message_payload, message_payloads, waiting_payload
from chats.wire.schema import EVENT_STREAM, LAST_EVENT_ID, PROBLEMS, TURN_PROBLEMS
from chats.wire.waiting import answer_when_done
from common.errors import Invalid
from common.executor import database
from common.views import EventStream, checked, checked_body, json_response

TURN_RESPONSES = {(201, "application/json"): TurnOutput, (200, "text/event-stream"): EVENT_STREAM, 202: TurnOutput}


async def respond(request: HttpRequest, claims: Claims, asked: turns.TurnRequest) -> HttpResponseBase:
    """Start a turn and answer as the client asked: a stream, at once, or when the reply is done."""
    query = checked(SendQuery, request.GET)
    begin = partial(turns.start, claims, asked)
    if wants_stream(request):
        return event_stream(await _begin_stream(claims, begin), query["html"])
    return await answer_turn(await begin(), query)


def wants_stream(request: HttpRequest) -> bool:
    return "text/event-stream" in request.headers.get("Accept", "")


async def answer_turn(accepted: turns.AcceptedTurn, query: dict[str, Any]) -> HttpResponse:
    """Answer a turn that runs when its reply is done, or at once."""
    if query["wait"]:
        return await answer_when_done(accepted, query["html"])
    return json_response(turn_payload(accepted), status=202)


def turn_payload(accepted: turns.AcceptedTurn) -> dict[str, Any]:
    return {"question": message_payload(accepted.question), "reply": message_payload(accepted.reply)}


async def _begin_stream(claims: Claims, begin: Callable[[], Awaitable[turns.AcceptedTurn]]) -> OpenStream:
    """Begin a turn and read it; whoever has no place for another stream has begun nothing."""
    stream = OpenStream(claims)
    try:
        accepted = await begin()
    except BaseException:
        stream.close()
        raise
    return stream.of(turns.follow(accepted.chat_id, accepted.reply.id, accepted.begins))


def event_stream(events: OpenStream, html: bool = False) -> EventStream:
    """Answer events as plain SSE."""
    body = sse.encode_stream(events, html)
    return EventStream(body, sse.HEADERS, events.close)


class MessagesView(BearerView):
    @extend_schema(
        operation_id="messages_list", parameters=[MessagesQuery], responses={200: MessagesPageOutput, **PROBLEMS}
    )
    async def get(self, request: HttpRequest, claims: Claims, chat_id: UUID) -> HttpResponse:
        """Return the end of the branch shown (or of the branch through `branch`), oldest first."""
        query = checked(MessagesQuery, request.GET)
        rows, older = await database().read(
            read_page, claims, chat_id, query["branch"], query["before"], query["page_size"]
        )
        link = older and request.build_absolute_uri(f"{request.path}?{urlencode(_page_query(query, older))}")
        results = await message_payloads(rows, query["html"])
        return json_response({"next": None, "previous": link, "results": results})

    @extend_schema(
        operation_id="messages_send",
        request=PromptInput,
        parameters=[SendQuery, IDEMPOTENCY_KEY],
        responses={**TURN_RESPONSES, **TURN_PROBLEMS},
    )
    async def post(self, request: HttpRequest, claims: Claims, chat_id: UUID) -> HttpResponseBase:
        """Send a message; `Accept: text/event-stream` streams the reply, `?wait=false` answers at once."""
        data, key = await checked_body(PromptInput, request), idempotency_key(request)
        return await respond(request, claims, _send(chat_id, data, key))


def _page_query(query: dict[str, Any], before: UUID) -> dict[str, Any]:
    kept = {"page_size": query["page_size"], "before": before}
    return kept | ({"html": 1} if query["html"] else {})


def _send(chat_id: UUID, data: dict[str, Any], key: str) -> turns.SendRequest:
    return turns.SendRequest(chat=chat_id, **data, key=key, remember_model=True, can_ask=True)


class _TurnOnMessage(BearerView):
    """A turn that starts from a stored message."""

    kind: type[turns.TurnRequest]
    serializer: Any = RegenerateInput

    async def begin(self, request: HttpRequest, claims: Claims, chat: UUID, message: UUID) -> HttpResponseBase:
        data = await checked_body(self.serializer, request)
        key = idempotency_key(request)
        asked = self.kind(chat=chat, message=message, **data, key=key, can_ask=True)  # type: ignore[call-arg]
        return await respond(request, claims, asked)


class RegenerateView(_TurnOnMessage):
    kind = turns.RegenerateRequest

    @extend_schema(
        operation_id="messages_regenerate",
        request=RegenerateInput,
        parameters=[SendQuery, IDEMPOTENCY_KEY],
        responses={**TURN_RESPONSES, **TURN_PROBLEMS},
    )
    async def post(self, request: HttpRequest, claims: Claims, chat_id: UUID, message_id: UUID) -> HttpResponseBase:
        """Make another reply beside this one."""
        return await self.begin(request, claims, chat_id, message_id)


class ContinueView(_TurnOnMessage):
    kind = turns.ContinueRequest

    @extend_schema(
        operation_id="messages_continue",
        request=RegenerateInput,
        parameters=[SendQuery, IDEMPOTENCY_KEY],
        responses={**TURN_RESPONSES, **TURN_PROBLEMS},
    )
    async def post(self, request: HttpRequest, claims: Claims, chat_id: UUID, message_id: UUID) -> HttpResponseBase:
        """Go on from the text of a reply that was cut short, in a sibling that begins with it."""
        return await self.begin(request, claims, chat_id, message_id)


class EditView(_TurnOnMessage):
    kind, serializer = turns.EditRequest, EditInput

    @extend_schema(
        operation_id="messages_edit",
        request=EditInput,
        parameters=[SendQuery, IDEMPOTENCY_KEY],
        responses={**TURN_RESPONSES, **TURN_PROBLEMS},
    )
    async def post(self, request: HttpRequest, claims: Claims, chat_id: UUID, message_id: UUID) -> HttpResponseBase:
        """Ask another question beside this one; both stay."""
        return await self.begin(request, claims, chat_id, message_id)


class ApprovalsView(BearerView):
    @extend_schema(
        operation_id="messages_approve",
        request=ApprovalsInput,
        parameters=[SendQuery],
        responses={**TURN_RESPONSES, (200, "application/json"): DecisionOutput, **TURN_PROBLEMS},
    )
    async def post(self, request: HttpRequest, claims: Claims, chat_id: UUID, message_id: UUID) -> HttpResponseBase:
        """Allow or deny the tool calls that a reply waits with; once all are decided it goes on, from where it was."""
        query = checked(SendQuery, request.GET)
        verdicts = [turns.Approval(**each) for each in (await checked_body(ApprovalsInput, request))["approvals"]]
        decide = partial(turns.decide, claims, chat_id, message_id, verdicts)
        if wants_stream(request):
            return event_stream(await _begin_stream(claims, decide), query["html"])
        accepted = await decide()
        if accepted.reply.state != State.WAITING:
            return await answer_turn(accepted, query)
        waiting = await database().read(turns.waiting_for, chat_id, message_id)
        rest = {"waiting": waiting_payload(waiting)} if waiting else {}
        return json_response(turn_payload(accepted) | rest)


class StreamView(BearerView):
    @extend_schema(
        operation_id="chats_stream",
        parameters=[FollowQuery, LAST_EVENT_ID],
        responses={(200, "text/event-stream"): EVENT_STREAM, 204: None, **PROBLEMS},
    )
    async def get(self, request: HttpRequest, claims: Claims, chat_id: UUID) -> HttpResponseBase:
        """Follow a reply from its start or from a cursor; 204 where there is nothing to follow."""
        query = checked(FollowQuery, request.GET)
        after = _cursor(request, query["after"])
        events = await turns.resume(claims, chat_id, query["reply"], after)
        if events is None:
            return HttpResponse(status=204)
        return event_stream(OpenStream(claims, events), query["html"])


def _cursor(request: HttpRequest, after: int | None) -> int | None:
    last = request.headers.get("Last-Event-ID", "").strip()
    if not last:
        return after
    if not (last.isascii() and last.isdigit() and len(last) < 17):
        raise Invalid(errors={"Last-Event-ID": ["This is not the id of an event."]})
    return int(last)


class StopView(BearerView):
    @extend_schema(operation_id="chats_stop", request=None, responses={200: MessageOutput, **PROBLEMS})
    async def post(self, request: HttpRequest, claims: Claims, chat_id: UUID) -> HttpResponse:
        """Stop the running reply and return it as stored; too late or again, nothing changes."""
        return json_response(message_payload(await turns.stop(claims, chat_id)))
