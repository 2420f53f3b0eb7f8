"""Who may use a socket: by ticket, by the browser's session on the same origin, or by an access token."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

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
    if not _same_origin(scope["headers"]):
        return None
    try:
        return _holding(session_claims(scope["headers"]))
    except NotSignedIn:
        return None


def claims_of_token(token: str) -> Claims:
    """Return who an access token lets in; raise NotSignedIn."""
    return _holding(Claims(*read_access_token(token)))


def _holding(claims: Claims) -> Claims:
    load_viewer(claims)
    return claims


def _same_origin(headers: Any) -> bool:
    """A cookie counts only where the page that opens the socket is the site's own."""
    found = dict(headers)
    origin, host = (found.get(name, b"").decode("latin-1").lower() for name in (b"origin", b"host"))
    return not origin or urlsplit(origin).netloc == host
