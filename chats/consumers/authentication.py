"""Who may use a socket: by ticket, by the browser's session on the same origin, or by an access token."""

from typing import Any
from urllib.parse import parse_qs

from accounts.access import Claims, load_viewer
from accounts.pages.sockets import session_claims
from accounts.security.access_tokens import read_access_token
from accounts.services.tickets import consume_ticket
from common.errors import NotSignedIn


def claims_of_handshake(scope: Any) -> Claims | None:
    """Return who the handshake lets in; None where it says nothing of it. Raises NotSignedIn for a bad ticket."""
    tickets = parse_qs(scope["query_string"].decode("latin-1")).get("ticket")
    if tickets:
        return _holding(consume_ticket(tickets[0]))
    try:
        return _holding(session_claims(scope))
    except NotSignedIn:
        return None


def claims_of_token(token: str) -> Claims:
    """Return who an access token lets in; raise NotSignedIn."""
    return _holding(Claims(*read_access_token(token)))


def _holding(claims: Claims) -> Claims:
    load_viewer(claims)
    return claims
