"""Who may do what with notes: the user's own front end everything, a connected app what was granted."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.access import BearerAuthentication, Claims, require_confirmed, viewer_of
from accounts.oauth.resource_server import OAuthBesideSession, OAuthProtected, require_scope

READ, WRITE = "notes:read", "notes:write"


def is_action(request: Request) -> bool:
    """Tell whether a connected app asks; the user's own front ends have claims, and with them every scope."""
    return not isinstance(request.auth, Claims)


class NotesAPIView(OAuthProtected, APIView):
    """Asks for the scope that the method needs, and for a confirmed address before anything is written."""

    authentication_classes = (OAuthBesideSession, BearerAuthentication)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_scope(request, READ if request.method in SAFE_METHODS else WRITE)
        if request.method in ("POST", "PATCH"):
            require_confirmed(viewer_of(request))
