"""Everything that goes by mail: confirming an address, changing it, getting back in; and changing the password."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import BearerAuthentication, signed_in_user
from accounts.api.base import ACCEPTED, BAD_INPUT, NOT_SIGNED_IN, OpenView, read, signed_in
from accounts.api.docs import problems
from accounts.api.serializers import (
    ChangeEmailInput,
    ChangePasswordInput,
    EmailInput,
    MailTokenInput,
    ResendInput,
    ResetInput,
    SignedInOutput,
    StatusOutput,
    UserOutput,
)
from accounts.models import User
from accounts.security.known_devices import remember_device
from accounts.security.network import client_info
from accounts.services import addresses, passwords
from accounts.services.sessions import start_session, tokens_of
from common.errors import NotSignedIn

TOO_MANY = {"e429": "Too many requests; `Retry-After` tells how long to wait."}
OPEN_FORM = problems(**BAD_INPUT, **TOO_MANY)
MINE_FORM = problems(**BAD_INPUT, **NOT_SIGNED_IN, **TOO_MANY)


class SendConfirmationView(OpenView):
    authentication_classes = (BearerAuthentication,)

    @extend_schema(
        summary="Ask for the confirmation mail again",
        description="For the signed-in user, or, without an access token, for `email`. The answer tells nothing.",
        request=ResendInput,
        responses={202: StatusOutput, **MINE_FORM},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        data = read(ResendInput, request)
        if isinstance(request.user, User):
            addresses.resend_confirmation(request.user, client_info(request))
        elif "email" in data:
            addresses.resend_confirmation_to(data["email"], client_info(request))
        else:
            raise NotSignedIn()
        return Response(ACCEPTED, status=status.HTTP_202_ACCEPTED)


class ConfirmView(OpenView):
    @extend_schema(
        summary="Confirm an address",
        description="With the token of a confirmation mail, or of the mail that a change of address sends; a changed "
        "address ends every session, key and grant of the account.",
        request=MailTokenInput,
        responses={200: UserOutput, **problems(**BAD_INPUT)},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        data = read(MailTokenInput, request)
        return Response(UserOutput(addresses.confirm(data["token"])).data)


class ChangeEmailView(APIView):
    @extend_schema(
        summary="Change my address",
        description="Takes effect when the link in the mail to the new address is used.",
        request=ChangeEmailInput,
        responses={202: StatusOutput, **MINE_FORM},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        data = read(ChangeEmailInput, request)
        addresses.request_change(signed_in_user(request), data["email"], data["password"], client_info(request))
        return Response(ACCEPTED, status=status.HTTP_202_ACCEPTED)


class PasswordResetView(OpenView):
    @extend_schema(
        summary="Ask for a link to set a new password",
        description="The answer is the same whether there is such an account or not.",
        request=EmailInput,
        responses={202: StatusOutput, **OPEN_FORM},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        data = read(EmailInput, request)
        passwords.request_reset(data["email"], client_info(request))
        return Response(ACCEPTED, status=status.HTTP_202_ACCEPTED)


class PasswordResetConfirmView(OpenView):
    @extend_schema(
        summary="Set a new password by a mailed link",
        description="Ends every session of the account.",
        request=ResetInput,
        responses={200: StatusOutput, **problems(**BAD_INPUT)},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        data = read(ResetInput, request)
        user = passwords.reset(data["token"], data["password"])
        response = Response(ACCEPTED)
        remember_device(response, user.email)
        return response


class ChangePasswordView(APIView):
    @extend_schema(
        summary="Change my password",
        description="Ends every session of the account and starts a new one for this client.",
        request=ChangePasswordInput,
        responses={200: SignedInOutput, **MINE_FORM},
        tags=["accounts"],
    )
    def post(self, request: Request) -> Response:
        data, user = read(ChangePasswordInput, request), signed_in_user(request)
        passwords.change(user, data["old_password"], data["new_password"], client_info(request))
        return signed_in(user, tokens_of(start_session(user, client_info(request))))
