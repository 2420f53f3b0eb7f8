"""The life of an API key: made by its owner, used under `/v1`, revoked at once."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.utils import timezone

from accounts.access import Claims, Viewer, load_viewer
from accounts.errors import KeyInvalid, ScopeMissing, SessionEnded
from accounts.models import ApiKey, Session, User
from accounts.models.tokens import hash_of
from accounts.security.network import ClientInfo
from accounts.services.sessions import lock_session
from common.errors import Invalid, NotFound
from common.sql import instant, instant_of, uuid_of

PREFIX, SHOWN = "sk-parley-", 14
MOST_KEYS = 100
NEVER = timedelta(days=36_500)
LAST_USE_STEP = timedelta(minutes=1)
_FIND = "SELECT id, user_id, session_id, scopes, last_used_at FROM accounts_apikey WHERE hash = %s"


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who asks with a key, and what the key may do."""

    key_id: UUID
    viewer: Viewer
    claims: Claims
    scopes: frozenset[str]
    use_is_new: bool  # the last noted use is older than a minute

    def require(self, scope: str) -> None:
        """Raise ScopeMissing (403) where the key was not made for this."""
        if scope not in self.scopes:
            raise ScopeMissing(f"This key lacks the scope {scope}.")


@transaction.atomic
def create_key(
    user: User, asking: UUID, name: str, scopes: list[str], expires_at: datetime | None, client: ClientInfo
) -> tuple[ApiKey, str]:
    """Return a new key's row and the key itself, which is not kept; `asking` is the session that wants it."""
    lock_session(user, asking)
    if ApiKey.objects.filter(user=user, session__ended_at=None).count() >= MOST_KEYS:
        raise Invalid(f"There are {MOST_KEYS} keys already; revoke one first.")
    secret, now = PREFIX + secrets.token_urlsafe(32), timezone.now()
    session = Session.objects.create(
        user=user,
        kind=Session.Kind.KEY,
        expires_at=expires_at or now + NEVER,
        user_agent=client.agent,
        ip=client.address,
    )
    key = ApiKey.objects.create(
        user=user, session=session, name=name, scopes=scopes, prefix=secret[:SHOWN], hash=hash_of(secret),
        created_at=now, expires_at=expires_at,
    )  # fmt: skip
    return key, secret


def revoke_key(user: User, key_id: UUID) -> None:
    """End a key; the next request with it is refused, open streams end within seconds."""
    if not Session.objects.filter(api_key=key_id, user=user).end("revoked"):
        raise NotFound()


def key_holder(secret: str) -> KeyHolder:
    """Return who a key lets in; raise KeyInvalid for one that is unknown, revoked or expired."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [hash_of(secret)])
        row = cursor.fetchone()
    if row is None:
        raise KeyInvalid()
    key_id, claims = uuid_of(row[0]), Claims(row[1], uuid_of(row[2]), uuid_of(row[0]))
    try:
        viewer = load_viewer(claims)
    except SessionEnded as error:
        raise KeyInvalid() from error
    scopes = orjson.loads(row[3]) if isinstance(row[3], str) else row[3]
    use_is_new = row[4] is None or instant_of(row[4]) < timezone.now() - LAST_USE_STEP
    return KeyHolder(key_id, viewer, claims, frozenset(scopes), use_is_new)


def note_use(key_id: UUID) -> None:
    """Write the time of the last use, at most once a minute."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_apikey SET last_used_at = %s "
            "WHERE id = %s AND (last_used_at IS NULL OR last_used_at < %s)",
            [instant(now), key_id, instant(now - LAST_USE_STEP)],
        )
