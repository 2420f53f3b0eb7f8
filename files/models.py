"""Files and the space that they take. Their bytes lie in the storage `files`, under their ids."""

from django.db import models
from django.db.models import Q

from common.ids import uuid7


class File(models.Model):
    """A user's file. The owner is a bare number: rows outlive an account until their bytes are gone.

    Beside the bytes, under `{id}.prompt`, lies what models are shown: of a picture one small clean JPEG as base64, of
    anything else its text. Each app that refers to files has a table of its own with a PROTECT key.
    """

    class State(models.TextChoices):
        UPLOADING = "uploading"
        WAITING = "waiting", "its text is being extracted"
        READY = "ready"
        FAILED = "failed", "its text could not be extracted"
        DELETING = "deleting"

    id = models.UUIDField(primary_key=True, default=uuid7)
    owner_id = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100)
    size = models.BigIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    state = models.CharField(max_length=9, choices=State)
    error = models.CharField(max_length=40, blank=True)
    prompt_size = models.BigIntegerField(default=0, help_text="bytes of what models are shown")
    expires_at = models.DateTimeField(null=True, help_text="when it is swept; null while something refers to it")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner_id", "sha256"], condition=Q(state__in=("waiting", "ready", "failed")), name="file_once"
            )
        ]
        indexes = [
            models.Index(fields=["owner_id", "-id"], name="file_by_owner"),
            models.Index(fields=["expires_at"], condition=Q(expires_at__isnull=False), name="file_expiry"),
        ]

    def __str__(self) -> str:
        return str(self.id)  # names are the owner's text


class Space(models.Model):
    """What an owner's files take, those that are being sent or deleted too."""

    owner_id = models.BigIntegerField(primary_key=True)
    size = models.BigIntegerField(default=0)
    files = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.owner_id)
