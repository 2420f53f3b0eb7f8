"""`/api/chats/`: ordinary resources on the ordinary Django stack."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import viewer_of
from chats.api.serializers import (
    ChatChangeInput,
    ChatInput,
    ChatOutput,
    HistoryOutput,
    HistoryQuery,
    ListQuery,
    ModelOutput,
)
from chats.models import Folder
from chats.services import chats as service
from chats.services.open_models import open_models, require_open
from chats.wire.payloads import chat_payload
from chats.wire.schema import PROBLEMS, paginated
from common.errors import Invalid
from common.views import checked, checked_input
from llm.catalog import Model


def _require_instant(text: str) -> None:
    value = datetime.fromisoformat(text)
    value.astimezone(UTC)  # raises where that is out of range
    if value.tzinfo is None:
        raise ValueError("without a zone")


class ChatCursor(CursorPagination):
    ordering = ("-updated_at", "-id")
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Any:
        """Return the cursor's place; DRF would hand a forged instant to the database, which fails on it."""
        try:
            cursor = super().decode_cursor(request)
            if cursor and cursor.position is not None:
                _require_instant(str(cursor.position))
        except (NotFound, ValueError, OverflowError) as error:
            raise Invalid(errors={"cursor": ["This is not a cursor of this list."]}) from error
        return cursor


class ChatsView(APIView):
    @extend_schema(
        operation_id="chats_list", parameters=[ListQuery], responses={200: paginated(ChatOutput), **PROBLEMS}
    )
    def get(self, request: Request) -> Response:
        """List the user's chats, newest activity first."""
        query = checked(ListQuery, request.query_params)
        folder = Folder.ARCHIVED if query["archived"] else Folder.ACTIVE
        chats = service.chats_of(viewer_of(request).id, folder, search=query["search"])
        if query["pinned"] is not None:
            chats = chats.filter(pinned=query["pinned"])
        paginator = ChatCursor()
        page = paginator.paginate_queryset(chats, request, view=self) or []
        return paginator.get_paginated_response([chat_payload(row) for row in page])

    @extend_schema(
        operation_id="chats_create", request=ChatInput, responses={201: ChatOutput, 200: ChatOutput, **PROBLEMS}
    )
    def post(self, request: Request) -> Response:
        """Make a chat; an id that the user has used before answers 200 with that chat."""
        data = checked_input(ChatInput, request.data)
        owner = viewer_of(request).id
        require_open(owner, data["model"])
        chat_id, made = service.create_chat(owner, data.pop("id", None), **data)
        row = service.get_chat(owner, chat_id)
        return Response(chat_payload(row), status=201 if made else 200)


class ChatView(APIView):
    @extend_schema(operation_id="chats_read", responses={200: ChatOutput, **PROBLEMS})
    def get(self, request: Request, chat_id: UUID) -> Response:
        return Response(chat_payload(service.get_chat(viewer_of(request).id, chat_id)))

    @extend_schema(operation_id="chats_change", request=ChatChangeInput, responses={200: ChatOutput, **PROBLEMS})
    def patch(self, request: Request, chat_id: UUID) -> Response:
        """Rename, pin, archive, choose model, settings or assistant, or switch the branch (`head`)."""
        owner = viewer_of(request).id
        data = checked_input(ChatChangeInput, request.data)
        require_open(owner, data.get("model", ""))
        service.change_chat(owner, chat_id, data)
        return Response(chat_payload(service.get_chat(owner, chat_id)))

    @extend_schema(operation_id="chats_delete", responses={204: None, **PROBLEMS})
    def delete(self, request: Request, chat_id: UUID) -> Response:
        """Delete the chat and all its messages; a running reply ends."""
        service.delete_chat(viewer_of(request).id, chat_id)
        return Response(status=204)


class HistoryView(APIView):
    @extend_schema(operation_id="chats_history", parameters=[HistoryQuery], responses={200: HistoryOutput, **PROBLEMS})
    def get(self, request: Request) -> Response:
        """Return the chats by last activity in days of the user's zone, at most 50 a bucket."""
        now, zone = now_and_zone(request)
        buckets = service.history(viewer_of(request).id, now, zone)
        return Response({name: [chat_payload(row) for row in rows] for name, rows in buckets.items()})


def now_and_zone(request: Request) -> tuple[datetime, ZoneInfo]:
    """Return the present instant and the zone to count days in: `?tz=`, else the user's."""
    query: dict[str, Any] = checked(HistoryQuery, request.query_params)
    return timezone.now(), query.get("tz") or ZoneInfo(viewer_of(request).timezone)


class ModelsView(APIView):
    @extend_schema(operation_id="models_list", responses={200: ModelOutput(many=True), **PROBLEMS})
    def get(self, request: Request) -> Response:
        """List the models that this user may choose."""
        return Response([_model_payload(model) for model in open_models(viewer_of(request).id).listing()])


def _model_payload(model: Model) -> dict[str, Any]:
    abilities = asdict(model.abilities)
    limits = {name: abilities.pop(name) for name in ("context_tokens", "max_output_tokens")}
    named = {name: getattr(model, name) for name in ("name", "provider", "id", "label", "available", "default")}
    return {**named, "abilities": abilities, "limits": limits, "prices": asdict(model.prices)}
