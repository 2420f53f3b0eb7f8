"""`/api/assistants/`: settings under a name, to begin chats with."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import viewer_of
from chats.api.chats import ChatCursor
from chats.api.serializers import TitleField
from chats.models import Assistant
from chats.services import assistants as service
from chats.services.chats import changed_settings
from chats.services.open_models import require_open
from chats.wire.fields import ModelNameField
from chats.wire.schema import PROBLEMS, paginated
from chats.wire.settings import ChatSettings
from common.drf import TextField
from common.views import checked, checked_input

SCOPES = ("own", "group", "everyone")


class AssistantCursor(ChatCursor):
    ordering = ("-created_at", "-id")


class AssistantListQuery(serializers.Serializer[Any]):
    page_size = serializers.IntegerField(required=False, min_value=1, max_value=200)


class AssistantChangeInput(serializers.Serializer[Any]):
    name = TitleField(required=False)
    description = TextField(required=False, allow_blank=True, max_length=1000)
    model = ModelNameField(required=False, allow_blank=True)
    settings = ChatSettings(required=False, help_text="all of them: those that are not given are the server's defaults")

    def validate_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        return changed_settings({}, settings)


class AssistantInput(AssistantChangeInput):
    name = TitleField()


class AssistantOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    model = serializers.CharField(help_text="empty: the user's own choice, or the default")
    settings = ChatSettings()
    scope = serializers.ChoiceField(SCOPES, help_text="who may use it")
    group = serializers.CharField(allow_null=True, help_text="the name of the group whose it is")
    editable = serializers.BooleanField(help_text="whether I may change and delete it; those of others staff change")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class AssistantsView(APIView):
    @extend_schema(
        operation_id="assistants_list",
        parameters=[AssistantListQuery],
        responses={200: paginated(AssistantOutput), **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """List the assistants that I may use, the newest first: my own, those of my groups, those of everyone."""
        checked(AssistantListQuery, request.query_params)
        paginator, me = AssistantCursor(), viewer_of(request).id
        page = paginator.paginate_queryset(service.assistants_of(me), request, view=self) or []
        return paginator.get_paginated_response([assistant_payload(each, me) for each in page])

    @extend_schema(
        operation_id="assistants_create", request=AssistantInput, responses={201: AssistantOutput, **PROBLEMS}
    )
    def post(self, request: Request) -> Response:
        """Make an assistant of my own."""
        me, data = viewer_of(request).id, checked_input(AssistantInput, request.data)
        require_open(me, data.get("model", ""))
        return Response(assistant_payload(service.create_assistant(me, data), me), status=201)


class AssistantView(APIView):
    @extend_schema(operation_id="assistants_read", responses={200: AssistantOutput, **PROBLEMS})
    def get(self, request: Request, assistant_id: UUID) -> Response:
        me = viewer_of(request).id
        return Response(assistant_payload(service.get_assistant(me, assistant_id), me))

    @extend_schema(
        operation_id="assistants_change", request=AssistantChangeInput, responses={200: AssistantOutput, **PROBLEMS}
    )
    def patch(self, request: Request, assistant_id: UUID) -> Response:
        """Change an assistant of my own; chats that began with it stay as they are."""
        me, data = viewer_of(request).id, checked_input(AssistantChangeInput, request.data)
        require_open(me, data.get("model", ""))
        return Response(assistant_payload(service.change_assistant(me, assistant_id, data), me))

    @extend_schema(operation_id="assistants_delete", responses={204: None, **PROBLEMS})
    def delete(self, request: Request, assistant_id: UUID) -> Response:
        """Delete an assistant of my own; chats that began with it stay as they are."""
        service.delete_assistant(viewer_of(request).id, assistant_id)
        return Response(status=204)


def assistant_payload(row: Assistant, user_id: int) -> dict[str, Any]:
    """Return an assistant as somebody who may use it sees it."""
    names = ("id", "name", "description", "model", "settings", "created_at", "updated_at")
    return {
        **{name: getattr(row, name) for name in names},
        "scope": "own" if row.owner_id else "group" if row.group else "everyone",
        "group": row.group.name if row.group else None,
        "editable": service.is_editable(row, user_id),
    }
