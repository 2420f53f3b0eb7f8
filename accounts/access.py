"""Who is asking: what the doors of all apps use to let somebody in.

The streaming doors are a `BearerView` of `accounts.views` and use `load_viewer` (no ORM, one statement); DRF views use
`BearerAuthentication` and `viewer_of`; pages use `page_viewer` of `accounts.pages.viewer`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.errors import EmailNotConfirmed, SessionEnded
from accounts.models import User
from accounts.security.access_tokens import read_access_token
from common.errors import NotSignedIn
from common.sql import instant, is_postgresql, uuid_of

_VIEWER = """
SELECT u.is_email_confirmed, p.timezone, p.preferred_model, u.is_staff
FROM accounts_session s JOIN accounts_user u ON u.id = s.user_id LEFT JOIN accounts_profile p ON p.user_id = u.id
WHERE s.id = %s AND s.user_id = %s AND s.ended_at IS NULL AND s.expires_at > %s AND u.is_active
"""
_GROUPS = """
SELECT u.is_superuser, g.group_id FROM accounts_user u LEFT JOIN accounts_user_groups g ON g.user_id = u.id
WHERE u.id = %s AND u.is_active
"""
_ALIVE = """
SELECT s.id FROM accounts_session s JOIN accounts_user u ON u.id = s.user_id
WHERE s.ended_at IS NULL AND s.expires_at > %s AND u.is_active AND s.id IN ({})
"""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a credential says; whether it still holds is asked of the database."""

    user_id: int
    session_id: UUID
    key_id: UUID | None = None  # of the API key whose session it is


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in user, as far as the doors need to know."""

    id: int
    session_id: UUID | None
    is_email_confirmed: bool
    timezone: str
    preferred_model: str
    is_staff: bool
    key_id: UUID | None = None


def bearer_claims(request: HttpRequest) -> Claims:
    """Return the claims of the `Authorization: Bearer` header; pure computation, no database.

    Raises NotSignedIn where there is no such header, TokenInvalid where its token is not a valid access token.
    """
    claims = _claims_or_none(request)
    if claims is None:
        raise NotSignedIn()
    return claims


def _claims_or_none(request: HttpRequest) -> Claims | None:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return Claims(*read_access_token(token.strip()))


def load_viewer(claims: Claims) -> Viewer:
    """Return the user if session and account still let them in, else raise SessionEnded (a NotSignedIn)."""
    with connection.cursor() as cursor:
        cursor.execute(_VIEWER, [claims.session_id, claims.user_id, instant(timezone.now())])
        row = cursor.fetchone()
    if row is None:
        raise SessionEnded()
    confirmed, zone, model, staff = row
    return Viewer(
        claims.user_id, claims.session_id, bool(confirmed), zone or "UTC", model or "", bool(staff), claims.key_id
    )


def groups_of(user_id: int) -> frozenset[int] | None:
    """Return the ids of the groups that a user is in; None for a superuser, to whom what is for a group is open too."""
    with connection.cursor() as cursor:
        cursor.execute(_GROUPS, [user_id])
        rows = cursor.fetchall()
    if any(is_superuser for is_superuser, _ in rows):
        return None
    return frozenset(group for _, group in rows if group is not None)


def hold_session(claims: Claims) -> None:
    """Keep a session from ending before the transaction does; raise SessionEnded where it has ended meanwhile."""
    lock = "FOR SHARE" if is_postgresql() else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM accounts_session WHERE id = %s AND ended_at IS NULL {lock}", [claims.session_id])
        if cursor.fetchone() is None:
            raise SessionEnded()


def require_confirmed(viewer: Viewer) -> None:
    """Raise EmailNotConfirmed (403) for an unconfirmed address, unless the operator asked for no confirmation."""
    if settings.REQUIRE_CONFIRMED_EMAIL and not viewer.is_email_confirmed:
        raise EmailNotConfirmed()


def ended_sessions(ids: Collection[UUID]) -> set[UUID]:
    """Return those of the sessions that let nobody in any more: ended, expired, account inactive or gone."""
    if not ids:
        return set()
    wanted = list(ids)
    with connection.cursor() as cursor:
        statement = _ALIVE.format(", ".join(["%s"] * len(wanted)))
        cursor.execute(statement, [instant(timezone.now()), *wanted])
        return set(wanted) - {uuid_of(row[0]) for row in cursor.fetchall()}


class BearerAuthentication(BaseAuthentication):
    """DRF: `request.user` is the User (profile loaded), `request.auth` the Claims; one query."""

    def authenticate(self, request: Request) -> tuple[User, Claims] | None:
        claims = _claims_or_none(request._request)
        return None if claims is None else (_user_of(claims), claims)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _user_of(claims: Claims) -> User:
    now = timezone.now()
    found = User.objects.select_related("profile").filter(pk=claims.user_id, is_active=True)
    alive = found.filter(sessions=claims.session_id, sessions__ended_at=None, sessions__expires_at__gt=now).first()
    if alive is None:
        raise SessionEnded()
    return alive


def viewer_of(request: Request) -> Viewer:
    """Return the viewer of a DRF request that `BearerAuthentication` let in; no query."""
    user = signed_in_user(request)
    session_id = request.auth.session_id if isinstance(request.auth, Claims) else None
    profile = user.profile
    return Viewer(
        user.pk, session_id, user.is_email_confirmed, profile.timezone, profile.preferred_model, user.is_staff
    )


def signed_in_user(request: Request) -> User:
    """Return the user of a DRF request, or raise NotSignedIn."""
    if not isinstance(request.user, User):
        raise NotSignedIn()
    return request.user
