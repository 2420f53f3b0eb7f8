"""`/api/grants/`: what the user has granted to apps."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import signed_in_user
from accounts.api.base import NOT_SIGNED_IN
from accounts.api.docs import problems
from accounts.api.paging import NewestFirst
from accounts.oauth.models import AppGrant
from accounts.oauth.revocation import revoke_grant


class AppOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    client_id = serializers.CharField()


class GrantOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    app = AppOutput(source="application")
    scopes = serializers.ListField(child=serializers.CharField())
    resources = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="to the minute")
    expires_at = serializers.DateTimeField(help_text="unless the app refreshes it before")


class GrantsView(ListAPIView[AppGrant]):
    serializer_class = GrantOutput
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[AppGrant]:
        return AppGrant.objects.connected().filter(user=signed_in_user(self.request)).select_related("application")

    @extend_schema(
        operation_id="grants_list",
        summary="List the apps that I have connected",
        responses={200: GrantOutput(many=True), **problems(**NOT_SIGNED_IN, e400="", e404="There is no such page.")},
        tags=["accounts"],
    )
    def get(self, request: Request) -> Response:
        return self.list(request)


class GrantView(APIView):
    @extend_schema(
        operation_id="grants_revoke",
        summary="Disconnect an app",
        description="Its tokens end at once.",
        responses={204: None, **problems(**NOT_SIGNED_IN, e404="There is no such grant of yours.")},
        tags=["accounts"],
    )
    def delete(self, request: Request, grant_id: UUID) -> Response:
        revoke_grant(signed_in_user(request), grant_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
