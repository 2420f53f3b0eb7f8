"""Who is looking at a page."""

from uuid import UUID

from django.contrib.auth import SESSION_KEY as USER_KEY
from django.http import HttpRequest

from accounts.access import Claims, Viewer, load_viewer
from accounts.models.session import SESSION_KEY
from common.errors import NotSignedIn


def page_viewer(request: HttpRequest) -> Viewer | None:
    """Return who is signed in to the pages in this browser, or None; the browser's session must be loaded or loadable.

    One statement beside Django's own for the session. Synchronous, like sessions in the database.
    """
    user_id, session_id = request.session.get(USER_KEY), request.session.get(SESSION_KEY)
    if user_id is None or session_id is None:
        return None
    try:
        return load_viewer(Claims(int(user_id), UUID(session_id)))
    except NotSignedIn:
        return None
