"""The end of grants: by their owner, by their app, and with every other way in."""

from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.oauth.models import AppGrant, AppGrantQuerySet
from common.errors import NotFound


def revoke_grant(user: User, grant_id: UUID) -> None:
    """End one grant for its owner; raise NotFound for what is not there, not theirs or over."""
    if not end(AppGrant.objects.connected().filter(pk=grant_id, user=user), "revoked"):
        raise NotFound()


@transaction.atomic
def end(grants: AppGrantQuerySet, reason: str) -> int:
    """End grants and delete their codes and tokens; return how many there were.

    The update alone shuts every door; order of locks: grant, refresh token, access token.
    """
    found = list(grants.filter(ended_at=None).values_list("pk", "code_hash"))
    if not found:
        return 0
    families, codes = [pk for pk, _ in found], [code for _, code in found]
    count = AppGrant.objects.filter(pk__in=families).end(reason)
    _forget(families, codes)
    return count


def _forget(families: list[UUID], codes: list[str]) -> None:
    from oauth2_provider.models import AccessToken, RefreshToken
    from oauth2_provider.models import Grant as Code

    Code.objects.filter(code__in=codes).delete()
    refresh = RefreshToken.objects.filter(token_family__in=families)
    access = list(refresh.exclude(access_token=None).values_list("access_token", flat=True))
    refresh.delete()
    AccessToken.objects.filter(pk__in=access).delete()
