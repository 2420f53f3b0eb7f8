"""Who opens a WebSocket from one of our own pages: the browser's session, as the handshake's cookies name it."""

from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_KEY

from accounts.access import Claims
from accounts.models.session import SESSION_KEY
from accounts.security.origins import handshake, is_own_origin
from common.errors import NotSignedIn


def session_claims(scope: Any) -> Claims:
    """Return the claims of the session cookie; whether they still hold is for `load_viewer` to say.

    Synchronous, one query. Raises NotSignedIn, also where the page that opens the socket is not the site's own.
    """
    request = handshake(scope)
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME) if is_own_origin(request) else None
    session = import_module(settings.SESSION_ENGINE).SessionStore(key) if key else {}
    user_id, session_id = session.get(USER_KEY), session.get(SESSION_KEY)
    if user_id is None or session_id is None:
        raise NotSignedIn()
    return Claims(int(user_id), UUID(session_id))
