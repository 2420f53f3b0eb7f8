"""One signed-in device."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from common.ids import uuid7

SESSION_KEY = "parley_session"  # where a browser's Django session keeps the id of its row


class SessionQuerySet(models.QuerySet["Session"]):
    def alive(self) -> Self:
        """Keep those that still let their user in."""
        return self.filter(ended_at=None, expires_at__gt=timezone.now(), user__is_active=True)

    def end(self, reason: str) -> int:
        """End those that have not ended yet; return how many."""
        return self.filter(ended_at=None).update(ended_at=timezone.now(), end_reason=reason)


class Session(models.Model):
    """A family of refresh tokens, or a signed-in browser of the server's own pages.

    Refresh tokens are counted by `generation`; only their hashes are kept. `expires_at` is the nearer of the idle and
    the absolute end. A row that has ended never comes back to life.
    """

    class Kind(models.TextChoices):
        API = "api", "API client"
        PAGE = "page", "Browser pages"
        KEY = "key", "API key"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sessions")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.API)
    generation = models.PositiveIntegerField(default=0)
    current_hash = models.CharField(max_length=64, blank=True, default="")
    previous_hash = models.CharField(max_length=64, blank=True, default="")
    rotated_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    user_agent = models.CharField(max_length=300, blank=True, default="")
    ip = models.GenericIPAddressField("network address", null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=32, blank=True, default="")

    objects = SessionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["user", "-last_used_at"], name="session_devices"),
            models.Index(fields=["expires_at"], name="session_expiry"),
        ]

    def __str__(self) -> str:
        return f"session {self.pk}"

    def is_alive(self, now: datetime) -> bool:
        """Tell whether it lets its user in (whether the user is active is another question)."""
        return self.ended_at is None and self.expires_at > now
