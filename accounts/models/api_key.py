"""Personal keys for tools that speak OpenAI's API."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from common.ids import uuid7


class ApiKey(models.Model):
    """A key is shown once; kept are its hash and a prefix to know it by.

    It lets in through a session of its own, so that whatever ends sessions (a new password, "log out everywhere",
    deactivation) ends keys at once too.
    """

    class Scope(models.TextChoices):
        MODELS = "models:read", "List the models"
        COMPLETE = "chat:complete", "Ask models, storing nothing"
        STORE = "chat:store", "Store what is asked as a chat"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys")
    session = models.OneToOneField("accounts.Session", models.CASCADE, related_name="api_key")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16)
    hash = models.CharField(max_length=64, unique=True)
    scopes: Any = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
