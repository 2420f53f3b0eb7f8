"""What the account views share."""

from typing import Any

from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts.access import Claims
from accounts.api.cookies import set_refresh_cookie
from accounts.api.serializers import UserOutput
from accounts.models import User
from accounts.security.known_devices import remember_device
from accounts.security.origins import require_known_origin
from accounts.services.sessions import Tokens
from common.errors import Invalid, NotSignedIn
from common.views import checked_input

BAD_INPUT = {"e400": "A value is missing or wrong.", "e413": "", "e415": ""}
NOT_SIGNED_IN = {"e401": "No valid access token."}
ACCEPTED = {"status": "OK"}


class RefreshCookie(BaseAuthentication):
    """Documentation only: these addresses read the refresh cookie themselves."""

    def authenticate(self, request: Request) -> None:
        return None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class OpenView(APIView):
    """For everybody; what a client sends along as `Authorization` does not matter."""

    authentication_classes: Any = ()
    permission_classes: Any = (AllowAny,)


class CookieView(APIView):
    """Lives by the refresh cookie, so other sites are kept out."""

    authentication_classes: Any = (RefreshCookie,)
    permission_classes: Any = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        require_known_origin(request._request)
        super().initial(request, *args, **kwargs)


def read(serializer: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """Return the valid values of the body, or raise its field errors."""
    if not isinstance(request.data, dict):
        raise Invalid("Send a JSON object.")
    return checked_input(serializer, request.data)


def claims_of(request: Request) -> Claims:
    """Return the claims that let a request in."""
    if not isinstance(request.auth, Claims):
        raise NotSignedIn()
    return request.auth


def signed_in(user: User, tokens: Tokens, code: int = status.HTTP_200_OK) -> Response:
    """Answer a sign-in: the access token in the body, the refresh token in the cookie; the device is known now."""
    response = Response({"access": tokens.access, "user": UserOutput(user).data}, status=code)
    set_refresh_cookie(response, tokens)
    remember_device(response, user.email)
    return response
