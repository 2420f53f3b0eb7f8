"""Links sent by mail: made, looked at, used once."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.errors import InvalidToken
from accounts.models import MailToken, User
from accounts.models.tokens import hash_of

Purpose = MailToken.Purpose


def lifetime(purpose: str) -> timedelta:
    """Return how long a link works."""
    if purpose == Purpose.RESET:
        return timedelta(minutes=settings.PASSWORD_RESET_MINUTES)
    return timedelta(hours=settings.CONFIRMATION_HOURS)


def issue(user: User, purpose: Purpose, email: str) -> str:
    """Return a new secret for a link to this address; the previous link of the same purpose dies."""
    secret = secrets.token_urlsafe(32)
    fresh = {"hash": hash_of(secret), "email": email, "expires_at": timezone.now() + lifetime(purpose), "used_at": None}
    MailToken.objects.update_or_create(user=user, purpose=purpose, defaults=fresh)
    return secret


@transaction.atomic
def pretend_to_issue() -> str:
    """Do what `issue` does, for nobody."""
    secret = secrets.token_urlsafe(32)
    nobodys = MailToken.objects.select_for_update().filter(hash=hash_of(secret))
    if not nobodys.exists():
        nobodys.update(used_at=None)
    return secret


def look_at(secret: str, *purposes: Purpose) -> MailToken:
    """Return the valid token of one of these purposes, unused as yet; raise InvalidToken."""
    usable = MailToken.objects.filter(hash=hash_of(secret), purpose__in=purposes, used_at=None, user__is_active=True)
    token = usable.filter(expires_at__gt=timezone.now()).first()
    if token is None:
        raise InvalidToken()
    return token


def use(token: MailToken) -> User:
    """Use a token up, inside a transaction, and return its user, locked; of parallel uses one succeeds."""
    user = User.objects.select_for_update(no_key=True).filter(pk=token.user_id, is_active=True).first()
    unused = MailToken.objects.filter(pk=token.pk, hash=token.hash, used_at=None)
    if user is None or not unused.update(used_at=timezone.now()):
        raise InvalidToken()
    return user


def void_all(user: User) -> None:
    """Kill every link that was sent to a user."""
    MailToken.objects.filter(user=user).delete()
