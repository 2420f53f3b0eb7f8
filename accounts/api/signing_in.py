"""Registering, signing in, staying signed in, signing out."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import signed_in_user
from accounts.api.base import BAD_INPUT, NOT_SIGNED_IN, CookieView, OpenView, read, signed_in
from accounts.api.cookies import clear_refresh_cookie, refresh_cookie, set_refresh_cookie
from accounts.api.docs import problems
from accounts.api.serializers import AccessOutput, RegisterInput, SignedInOutput, TokenInput
from accounts.models import Session
from accounts.security.access_tokens import read_access_token
from accounts.security.network import client_info
from accounts.services.credentials import check_credentials
from accounts.services.registration import register
from accounts.services.sessions import end_by_cookie, refresh, start_session, tokens_of
from common.errors import NotSignedIn

TOO_MANY = {"e429": "Too many attempts; `Retry-After` tells how long to wait."}
FOREIGN = {"e403": "The request came from a foreign origin."}


class RegisterView(OpenView):
    @extend_schema(
        summary="Create an account and sign in",
        description="Mails a confirmation link. Sets the refresh cookie.",
        request=RegisterInput,
        responses={201: SignedInOutput, **problems(**BAD_INPUT, **TOO_MANY)},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        data = read(RegisterInput, request)
        user = register(client=client_info(request), **data)
        return signed_in(user, tokens_of(start_session(user, client_info(request))), status.HTTP_201_CREATED)


class TokenView(OpenView):
    @extend_schema(
        summary="Sign in",
        description="Sets the refresh cookie.",
        request=TokenInput,
        responses={
            200: SignedInOutput,
            **problems(**BAD_INPUT, e401="`invalid_credentials`: wrong address or password.", **TOO_MANY),
        },
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        data = read(TokenInput, request)
        user = check_credentials(data["email"], data["password"], request._request)
        return signed_in(user, tokens_of(start_session(user, client_info(request))))


class RefreshView(CookieView):
    @extend_schema(
        summary="Get a new access token",
        description="By the refresh cookie only, which rotates: the old one works 10 s more, for a racing tab.",
        request=None,
        responses={200: AccessOutput, **problems(e401="`refresh_invalid`: no live session.", **FOREIGN)},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        tokens = refresh(refresh_cookie(request._request))
        response = Response({"access": tokens.access})
        set_refresh_cookie(response, tokens)
        return response


class LogoutView(CookieView):
    @extend_schema(
        summary="Sign out",
        description="Ends the session of the refresh cookie, and that of the access token if one is sent.",
        request=None,
        responses={204: None, **problems(**FOREIGN)},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        end_by_cookie(refresh_cookie(request._request))
        _end_by_bearer(request)
        response = Response(status=status.HTTP_204_NO_CONTENT)
        clear_refresh_cookie(response)
        return response


def _end_by_bearer(request: Request) -> None:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        try:
            user_id, session_id = read_access_token(token.strip())
        except NotSignedIn:  # an expired access token does not keep anybody signed in
            return
        Session.objects.filter(pk=session_id, user=user_id).end("signed_out")


class LogoutAllView(APIView):
    @extend_schema(
        summary="Sign out everywhere",
        description="Ends every session, key and grant of the account at once, this one included.",
        request=None,
        responses={204: None, **problems(**NOT_SIGNED_IN)},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        signed_in_user(request).secure("signed_out_everywhere")
        response = Response(status=status.HTTP_204_NO_CONTENT)
        clear_refresh_cookie(response)
        return response
