"""Links sent by mail: made, looked at, used once."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.errors import InvalidToken
from accounts.models import MailToken, User
from accounts.models.tokens import hash_of
from common.tasks import Actor, Void

Purpose = MailToken.Purpose
NOBODY = Actor(0, 0)


def lifetime(purpose: str) -> timedelta:
    """Return how long a link works."""
    if purpose == Purpose.RESET:
        return timedelta(minutes=settings.PASSWORD_RESET_MINUTES)
    return timedelta(hours=settings.CONFIRMATION_HOURS)


@transaction.atomic
def issue(actor: Actor, purpose: Purpose, email: str) -> str:
    """Return a new secret for a link to this address; the previous link of the same purpose dies.

    The link is as good as the credentials it was asked for with. Raises Void where those do not hold any more.
    """
    user = User.objects.locked(actor)
    if user is None:
        raise Void("the account was secured since")
    secret = secrets.token_urlsafe(32)
    fresh = {
        "hash": hash_of(secret), "email": email, "credential_epoch": actor.credential_epoch,
        "expires_at": timezone.now() + lifetime(purpose), "used_at": None,
    }  # fmt: skip
    MailToken.objects.update_or_create(user=user, purpose=purpose, defaults=fresh)
    return secret


@transaction.atomic
def pretend_to_issue() -> str:
    """Do what `issue` does, for nobody."""
    User.objects.locked(NOBODY)
    secret = secrets.token_urlsafe(32)
    nobodys = MailToken.objects.select_for_update().filter(hash=hash_of(secret))
    if not nobodys.exists():
        nobodys.update(used_at=None)
    return secret


def look_at(secret: str, *purposes: Purpose) -> MailToken:
    """Return the valid token of one of these purposes, unused as yet; raise InvalidToken."""
    usable = MailToken.objects.filter(hash=hash_of(secret), purpose__in=purposes, used_at=None, user__is_active=True)
    token = usable.filter(expires_at__gt=timezone.now(), credential_epoch=F("user__credential_epoch")).first()
    if token is None:
        raise InvalidToken()
    return token


def use(token: MailToken) -> User:
    """Use a token up, inside a transaction, and return its user, locked; of parallel uses one succeeds."""
    user = User.objects.locked(Actor(token.user_id, token.credential_epoch))
    unused = MailToken.objects.filter(pk=token.pk, hash=token.hash, used_at=None)
    if user is None or not unused.update(used_at=timezone.now()):
        raise InvalidToken()
    return user
