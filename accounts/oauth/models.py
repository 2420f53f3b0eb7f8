"""What users have granted to apps."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from common.ids import uuid7


class AppGrantQuerySet(models.QuerySet["AppGrant"]):
    def alive(self) -> Self:
        """Keep those that still let their app in, as far as the user may let anybody in."""
        grants = self.filter(ended_at=None, expires_at__gt=timezone.now(), user__is_active=True)
        return grants.filter(user__is_email_confirmed=True) if settings.REQUIRE_CONFIRMED_EMAIL else grants

    def connected(self) -> Self:
        """Keep those alive whose app has fetched its tokens: what the user is shown."""
        return self.alive().exclude(code_used_at=None)

    def end(self, reason: str) -> int:
        """End those that have not ended yet, and with them every token; return how many."""
        return self.filter(ended_at=None).update(ended_at=timezone.now(), end_reason=reason)


class AppGrant(models.Model):
    """One consent: the code it gave, and the one family of tokens that came from the code.

    Every use of a code or token looks here, so one update ends them all. The id is the `token_family` of the
    family's refresh tokens. `expires_at` is the end of the code, then of the newest refresh token.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="app_grants")
    application = models.ForeignKey("oauth2_provider.Application", models.CASCADE, related_name="+")
    scopes: Any = models.JSONField(default=list)
    resources: Any = models.JSONField(default=list)
    code_hash = models.CharField(max_length=64, unique=True)
    code_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=32, blank=True, default="")

    objects = AppGrantQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user", "-created_at"], name="app_grants_of_user"),
            models.Index(fields=["user"], name="app_grants_alive", condition=Q(ended_at=None)),
        ]

    def __str__(self) -> str:
        return f"grant {self.pk}"
