"""Secrets that work once and are stored as hashes."""

import hashlib

from django.conf import settings
from django.db import models


def hash_of(secret: str) -> str:
    """Return what is stored of a secret that is random enough to need no salt."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class MailToken(models.Model):
    """A link sent by mail. One row per user and purpose: a new link replaces, and so kills, the old one."""

    class Purpose(models.TextChoices):
        CONFIRM = "confirm", "confirm the address"
        CHANGE = "change", "change the address"
        RESET = "reset", "reset the password"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    hash = models.CharField(max_length=64, unique=True)
    email = models.EmailField(max_length=254)
    credential_epoch = models.PositiveIntegerField(help_text="the user's when the link was asked for")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "purpose"], name="one_mail_token_per_purpose")]

    def __str__(self) -> str:
        return f"link to {self.purpose} for user {self.user_id}"


class SocketTicket(models.Model):
    """Lets a WebSocket client in once, within a minute."""

    hash = models.CharField(max_length=64, primary_key=True)
    session = models.ForeignKey("accounts.Session", models.CASCADE, related_name="+")
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"ticket of session {self.session_id}"
