"""Who is looking at a page."""

from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.http import HttpRequest

from accounts.access import Claims, Viewer, load_viewer
from accounts.models.session import SESSION_KEY
from accounts.security.origins import is_own_origin
from common.errors import NotSignedIn
from common.executor import database


def page_viewer(request: HttpRequest) -> Viewer | None:
    """Return who is signed in to the pages in this browser, or None; the browser's session must be loaded or loadable.

    One statement beside Django's own for the session. Synchronous, like sessions in the database.
    """
    try:
        return load_viewer(_claims_in(request.session))
    except NotSignedIn:
        return None


def cookie_claims(request: HttpRequest) -> Claims:
    """Return the claims of the session cookie; whether they still hold is for `load_viewer` to say.

    For requests that no middleware has met. Synchronous, one query. Raises NotSignedIn, also where the request is not
    from one of the site's own pages.
    """
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME) if is_own_origin(request) else None
    return _claims_in(import_module(settings.SESSION_ENGINE).SessionStore(key) if key else {})


def _claims_in(session: Any) -> Claims:
    user_id, session_id = session.get(USER_KEY), session.get(SESSION_KEY)
    if user_id is None or session_id is None:
        raise NotSignedIn()
    return Claims(int(user_id), UUID(session_id))


async def by_session(request: HttpRequest) -> Viewer:
    """Return who is signed in to the pages: the option `authenticate` of a page that takes uploads."""
    return await database().read(lambda: load_viewer(cookie_claims(request)))
