"""Who opens a WebSocket from one of our own pages: the browser's session, as the handshake's cookies name it."""

from collections.abc import Iterable
from importlib import import_module
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.http import parse_cookie

from accounts.access import Claims
from accounts.models.session import SESSION_KEY
from common.errors import NotSignedIn


def session_claims(headers: Iterable[tuple[bytes, bytes]]) -> Claims:
    """Return the claims of the session cookie; whether they still hold is for `load_viewer` to say.

    Synchronous, one query. Raises NotSignedIn.
    """
    cookies = [value.decode("latin-1") for name, value in headers if name == b"cookie"]
    key = parse_cookie("; ".join(cookies)).get(settings.SESSION_COOKIE_NAME)
    session = import_module(settings.SESSION_ENGINE).SessionStore(key) if key else {}
    user_id, session_id = session.get(USER_KEY), session.get(SESSION_KEY)
    if user_id is None or session_id is None:
        raise NotSignedIn()
    return Claims(int(user_id), UUID(session_id))
