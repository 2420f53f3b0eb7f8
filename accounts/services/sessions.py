"""The life of a session: started by a sign-in, kept by refreshing, ended once and for all.

Order of locks: user, then session.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import update_last_login
from django.db import transaction
from django.utils import timezone

from accounts.errors import InvalidCredentials, RefreshInvalid, SessionEnded
from accounts.models.session import Session
from accounts.models.tokens import hash_of
from accounts.models.user import User
from accounts.security.access_tokens import make_access_token
from accounts.security.network import ClientInfo
from accounts.security.refresh_tokens import RefreshToken, read_refresh_token


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client gets: the access token in the body, the refresh token in the cookie only."""

    access: str
    refresh: str
    expires_at: datetime


def start_session(user: User, client: ClientInfo, kind: Session.Kind = Session.Kind.API) -> Session:
    """Start a session for somebody whose password was just found right.

    The account is locked and compared with what was checked: one that was secured meanwhile is not opened.
    """
    now = timezone.now()
    with transaction.atomic():
        if User.objects.locked(user.actor) is None:
            raise InvalidCredentials()
        Session.objects.filter(user=user, expires_at__lt=now - timedelta(days=settings.SESSIONS_KEEP_DAYS)).delete()
        session = Session(user=user, kind=kind, created_at=now, last_used_at=now)
        session.expires_at = expiry(session, now)
        session.user_agent, session.ip = client.agent, client.address
        session.current_hash = hash_of(RefreshToken(session.pk, 0).text)
        session.save(force_insert=True)
        if kind is Session.Kind.API:  # Django's own sign-in does it for pages
            update_last_login(User, user)
    return session


def lock_session(user: User, session_id: UUID) -> None:
    """Lock the account and the session that asks, inside a transaction; raise SessionEnded where it lets in no more.

    Whatever makes a credential begins with this: one that secures the account takes the same lock, and so comes either
    before, and is seen here, or after, and ends what was made.
    """
    standing = Session.objects.alive().select_for_update(of=("self",)).filter(pk=session_id, user=user)
    if User.objects.locked(user.actor) is None or not standing.exists():
        raise SessionEnded()


def end_others(user: User, session_id: UUID) -> None:
    """End every device of a user but the session that asks; API keys and connected apps stay."""
    with transaction.atomic():
        lock_session(user, session_id)  # of two that end each other at once, the second has ended already
        others = Session.objects.filter(user=user).exclude(pk=session_id)
        others.exclude(kind=Session.Kind.KEY).end("revoked")


def expiry(session: Session, now: datetime) -> datetime:
    """Return the nearer of the idle and the absolute end."""
    idle, total = timedelta(days=settings.REFRESH_IDLE_DAYS), timedelta(days=settings.REFRESH_TOTAL_DAYS)
    return min(now + idle, session.created_at + total)


def tokens_of(session: Session) -> Tokens:
    """Return the tokens of the session's present generation."""
    refresh = RefreshToken(session.pk, session.generation).text
    return Tokens(make_access_token(session.user_id, session.pk), refresh, session.expires_at)


def refresh(cookie: str) -> Tokens:
    """Rotate the refresh token, or repeat the rotation inside the grace; anything else is RefreshInvalid."""
    token = read_refresh_token(cookie)
    session = _rotate(token, timezone.now()) if token else None
    if session is None:
        raise RefreshInvalid()
    return tokens_of(session)


@transaction.atomic
def _rotate(token: RefreshToken, now: datetime) -> Session | None:
    session = Session.objects.select_for_update().filter(pk=token.session_id, kind=Session.Kind.API).first()
    if session is None or not session.is_alive(now) or not User.objects.filter(pk=session.user_id, is_active=True):
        return None
    presented = hash_of(token.text)
    if presented == session.current_hash:
        _advance(session, now)
        return session
    if presented == session.previous_hash and _in_grace(session, now):
        return session  # a racing tab, or one whose answer got lost: it gets the same successor
    Session.objects.filter(pk=session.pk).end("reuse")  # committed although the caller is refused
    return None


def _in_grace(session: Session, now: datetime) -> bool:
    grace = timedelta(seconds=settings.REFRESH_GRACE_SECONDS)
    return session.rotated_at is not None and now - session.rotated_at <= grace


def _advance(session: Session, now: datetime) -> None:
    session.generation += 1
    session.previous_hash = session.current_hash
    session.current_hash = hash_of(RefreshToken(session.pk, session.generation).text)
    session.rotated_at = session.last_used_at = now
    session.expires_at = expiry(session, now)
    session.save()


def end_by_cookie(cookie: str) -> None:
    """End the session that a refresh cookie of any generation belongs to."""
    if token := read_refresh_token(cookie):
        Session.objects.filter(pk=token.session_id).end("signed_out")
