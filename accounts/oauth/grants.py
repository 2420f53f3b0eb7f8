"""The life of a grant between consent and end. All of it runs inside a transaction of the caller's."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.oauth.errors import MayNotGrant
from accounts.oauth.models import AppGrant

AT_ONCE = 500


def require_may_grant(user: User) -> None:
    """Raise MayNotGrant for an unconfirmed address, unless the operator asked for no confirmation."""
    if settings.REQUIRE_CONFIRMED_EMAIL and not user.is_email_confirmed:
        raise MayNotGrant()


def record_consent(request: Any, code_hash: str) -> AppGrant:
    """Record a consent (an oauthlib Request with user, client, scopes and resource), and tidy up after old ones."""
    _tidy_up(request.user.pk)
    return AppGrant.objects.create(
        user=request.user, application=request.client, scopes=list(request.scopes), resources=list(request.resource),
        code_hash=code_hash, expires_at=timezone.now() + timedelta(seconds=settings.OAUTH_CODE_SECONDS),
    )  # fmt: skip


def locked(**lookup: Any) -> AppGrant | None:
    """Return a grant that nobody else changes until the transaction ends."""
    return AppGrant.objects.select_for_update(of=("self",)).select_related("user").filter(**lookup).first()


def is_alive(grant: AppGrant) -> bool:
    """Tell whether a grant and its user still let the app in."""
    return AppGrant.objects.alive().filter(pk=grant.pk).exists()


def go_on(grant: AppGrant) -> None:
    """Let a grant live on from a new pair of tokens, and forget what came too long before it."""
    from oauth2_provider.models import RefreshToken

    now, life = timezone.now(), timedelta(days=settings.OAUTH_REFRESH_DAYS)
    AppGrant.objects.filter(pk=grant.pk).update(expires_at=now + life)
    RefreshToken.objects.filter(token_family=grant.pk, revoked__lt=now - life).delete()


def _tidy_up(user_id: int) -> None:
    """Delete what a user's old consents have left, codes that were never used included."""
    from oauth2_provider.models import Grant as Code

    Code.objects.filter(user=user_id, expires__lt=timezone.now()).delete()
    forget_old_grants(old_grants().filter(user=user_id))


def old_grants() -> "QuerySet[AppGrant]":
    """Return the consents that ended `SESSIONS_KEEP_DAYS` ago, and those whose code was never used."""
    now = timezone.now()
    long_ago = now - timedelta(days=settings.SESSIONS_KEEP_DAYS)
    ended = Q(expires_at__lt=long_ago) | Q(ended_at__lt=long_ago)
    return AppGrant.objects.filter(ended | Q(code_used_at=None, expires_at__lt=now))


@transaction.atomic
def forget_old_grants(grants: "QuerySet[AppGrant]") -> int:
    """Delete some hundred of these consents with their tokens; return how many."""
    from oauth2_provider.models import AccessToken, RefreshToken

    old = list(grants.values_list("pk", flat=True)[:AT_ONCE])
    if old:
        refresh = RefreshToken.objects.filter(token_family__in=old)
        AccessToken.objects.filter(refresh_token__in=refresh).delete()
        refresh.delete()
        AppGrant.objects.filter(pk__in=old).delete()
    return len(old)
