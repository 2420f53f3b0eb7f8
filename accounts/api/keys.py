"""`/api/keys/`: the user's personal keys for `/v1`."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import require_confirmed, signed_in_user, viewer_of
from accounts.api.base import BAD_INPUT, NOT_SIGNED_IN, claims_of, read
from accounts.api.docs import problems
from accounts.api.paging import NewestFirst
from accounts.models import ApiKey
from accounts.security.network import client_info
from accounts.services.api_keys import create_key, revoke_key
from common.drf import TextField


class ApiKeyAuthentication(BaseAuthentication):
    """Documentation only: the doors under `/v1` read the key themselves."""

    def authenticate(self, request: Request) -> None:
        return None


class KeyInput(serializers.Serializer[Any]):
    name = TextField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(ApiKey.Scope.choices), required=False, allow_empty=False
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)

    def validate_scopes(self, scopes: list[str]) -> list[str]:
        return [scope for scope in ApiKey.Scope.values if scope in scopes]

    def validate_expires_at(self, instant: Any) -> Any:
        if instant is not None and instant <= timezone.now():
            raise serializers.ValidationError("This is in the past.")
        return instant


class KeyOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="what the key begins with")
    scopes = serializers.ListField(child=serializers.ChoiceField(ApiKey.Scope.choices))
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="to the minute")


class NewKeyOutput(KeyOutput):
    key = serializers.CharField(help_text="shown this once")


class KeysView(ListAPIView[ApiKey]):
    serializer_class = KeyOutput
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[ApiKey]:
        return ApiKey.objects.filter(user=signed_in_user(self.request), session__ended_at=None)

    @extend_schema(
        operation_id="keys_list",
        summary="List my API keys",
        responses={200: KeyOutput(many=True), **problems(**NOT_SIGNED_IN, e400="", e404="There is no such page.")},
        tags=["accounts"],
    )
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="keys_create",
        summary="Make an API key",
        description="For tools that speak OpenAI's API, at `/v1`. The key is shown this once.",
        request=KeyInput,
        responses={201: NewKeyOutput, **problems(**BAD_INPUT, **NOT_SIGNED_IN, e403="The address is not confirmed.")},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        require_confirmed(viewer_of(request))
        data = read(KeyInput, request)
        scopes = data.get("scopes") or ApiKey.Scope.values
        key, secret = create_key(
            signed_in_user(request),
            claims_of(request).session_id,
            data["name"],
            scopes,
            data["expires_at"],
            client_info(request),
        )
        return Response({**KeyOutput(key).data, "key": secret}, status=status.HTTP_201_CREATED)


class KeyView(APIView):
    @extend_schema(
        operation_id="keys_revoke",
        summary="Revoke an API key",
        responses={204: None, **problems(**NOT_SIGNED_IN, e404="There is no such key of yours.")},
        tags=["accounts"],
    )
    def delete(self, request: Request, key_id: UUID) -> Response:
        revoke_key(signed_in_user(request), key_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
