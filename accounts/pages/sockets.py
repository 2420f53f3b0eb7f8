"""Who opens a WebSocket from one of our own pages."""

from typing import Any

from accounts.access import Claims
from accounts.pages.viewer import cookie_claims
from accounts.security.origins import handshake


def session_claims(scope: Any) -> Claims:
    """Return the claims of the handshake's session cookie; whether they still hold is for `load_viewer` to say."""
    return cookie_claims(handshake(scope))
