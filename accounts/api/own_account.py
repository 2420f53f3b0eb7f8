"""The signed-in user's own account, profile and devices."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import signed_in_user
from accounts.api.base import BAD_INPUT, NOT_SIGNED_IN, claims_of, read
from accounts.api.cookies import clear_refresh_cookie
from accounts.api.docs import problems
from accounts.api.paging import NewestFirst
from accounts.api.serializers import (
    PasswordInput,
    ProfileInput,
    ProfileOutput,
    SessionOutput,
    TicketOutput,
    UserInput,
    UserOutput,
)
from accounts.models import Session
from accounts.security.network import client_info
from accounts.services.deletion import delete_own_account
from accounts.services.profiles import update_profile
from accounts.services.registration import change_username
from accounts.services.sessions import end_others
from accounts.services.tickets import issue_ticket
from common.errors import NotFound

MINE = problems(**NOT_SIGNED_IN)
MINE_FORM = problems(**BAD_INPUT, **NOT_SIGNED_IN)


class SelfView(APIView):
    @extend_schema(summary="Show my account", responses={200: UserOutput, **MINE}, tags=["accounts"])
    def get(self, request: Request) -> Response:
        return Response(UserOutput(signed_in_user(request)).data)

    @extend_schema(
        summary="Change my account", request=UserInput, responses={200: UserOutput, **MINE_FORM}, tags=["accounts"]
    )
    def patch(self, request: Request) -> Response:
        data, user = read(UserInput, request), signed_in_user(request)
        if "username" in data:
            change_username(user, data["username"])
        return Response(UserOutput(user).data)

    @extend_schema(
        summary="Delete my account",
        description="With everything that belongs to it, for good. Asks for the password.",
        request=PasswordInput,
        responses={204: None, **MINE_FORM, **problems(e429="Too many wrong passwords.")},
        tags=["accounts"],
    )
    def delete(self, request: Request) -> Response:
        data = read(PasswordInput, request)
        delete_own_account(signed_in_user(request), data["password"], client_info(request))
        response = Response(status=status.HTTP_204_NO_CONTENT)
        clear_refresh_cookie(response)
        return response


class ProfileView(APIView):
    @extend_schema(summary="Show my profile", responses={200: ProfileOutput, **MINE}, tags=["accounts"])
    def get(self, request: Request) -> Response:
        return Response(ProfileOutput(signed_in_user(request).profile).data)

    @extend_schema(
        summary="Change my profile", request=ProfileInput, responses={200: ProfileOutput, **MINE_FORM},
        tags=["accounts"],
    )  # fmt: skip
    def patch(self, request: Request) -> Response:
        data = read(ProfileInput, request)
        return Response(ProfileOutput(update_profile(signed_in_user(request).profile, data)).data)


class SessionsView(ListAPIView[Session]):
    serializer_class = SessionOutput
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Session]:
        mine = Session.objects.alive().filter(user=signed_in_user(self.request))
        return mine.exclude(kind=Session.Kind.KEY)

    def get_serializer_context(self) -> dict[str, Any]:
        return {"current": claims_of(self.request).session_id}

    @extend_schema(
        summary="List my signed-in devices",
        description="The newest sign-in first.",
        responses={200: SessionOutput(many=True), **MINE, **problems(e400="", e404="There is no such page.")},
        tags=["accounts"],
    )
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="sessions_end_others",
        summary="Sign the other devices out",
        description="All but the one that asks; API keys and connected apps stay.",
        responses={204: None, **MINE},
        tags=["accounts"],
    )
    def delete(self, request: Request) -> Response:
        end_others(signed_in_user(request), claims_of(request).session_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionView(APIView):
    @extend_schema(
        summary="Sign a device out",
        responses={204: None, **MINE, **problems(e404="There is no such session of yours.")},
        tags=["accounts"],
    )
    def delete(self, request: Request, session_id: UUID) -> Response:
        if not Session.objects.alive().filter(pk=session_id, user=signed_in_user(request)).end("revoked"):
            raise NotFound()
        return Response(status=status.HTTP_204_NO_CONTENT)


class TicketView(APIView):
    @extend_schema(
        summary="Get a ticket for a WebSocket", request=None, responses={201: TicketOutput, **MINE}, tags=["accounts"]
    )
    def post(self, request: Request) -> Response:
        return Response({"ticket": issue_ticket(claims_of(request))}, status=status.HTTP_201_CREATED)
