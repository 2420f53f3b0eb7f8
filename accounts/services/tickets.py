"""Tickets for WebSocket clients that hold an access token: a URL may carry them, because they work once."""

import secrets
from datetime import timedelta

from django.utils import timezone

from accounts.access import Claims
from accounts.errors import TokenInvalid
from accounts.models import Session, SocketTicket
from accounts.models.tokens import hash_of

LIFETIME = timedelta(seconds=60)


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
    usable = SocketTicket.objects.filter(hash=hash_of(ticket), expires_at__gt=timezone.now())
    session_id = usable.values_list("session_id", flat=True).first()
    session = Session.objects.filter(pk=session_id).only("user_id").first() if session_id else None
    if session is None or usable.delete()[0] == 0:
        raise TokenInvalid()
    return Claims(session.user_id, session.pk)
