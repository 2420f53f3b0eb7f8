"""Tickets for WebSocket clients that hold an access token: a URL may carry them, because they work once."""

import secrets
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from accounts.access import Claims
from accounts.errors import TokenInvalid
from accounts.models import Session, SocketTicket
from accounts.models.tokens import hash_of
from common.sql import instant, uuid_of

LIFETIME = timedelta(seconds=60)
_USE = """
DELETE FROM accounts_socketticket WHERE hash = %s AND expires_at > %s RETURNING session_id
"""


def issue_ticket(claims: Claims) -> str:
    """Return a ticket for the session of these claims."""
    secret, now = secrets.token_urlsafe(32), timezone.now()
    SocketTicket.objects.filter(expires_at__lt=now).delete()
    SocketTicket.objects.create(hash=hash_of(secret), session_id=claims.session_id, expires_at=now + LIFETIME)
    return secret


def consume_ticket(ticket: str) -> Claims:
    """Use a ticket up; of parallel uses one succeeds, the others raise TokenInvalid.

    The claims are as good as the session: pass them to `load_viewer`, like those of an access token.
    """
    with connection.cursor() as cursor:
        cursor.execute(_USE, [hash_of(ticket), instant(timezone.now())])
        row = cursor.fetchone()
    session = Session.objects.filter(pk=uuid_of(row[0])).only("user_id").first() if row else None
    if session is None:
        raise TokenInvalid()
    return Claims(session.user_id, session.pk)
