"""Notes: what users keep, wherever it came from."""

from django.conf import settings
from django.db import models

from common.ids import uuid7


class Source(models.TextChoices):
    """Where a note came from."""

    MESSAGE = "message", "a message of a chat"
    CHATGPT = "chatgpt", "a connected app"
    API = "api", "the user's own hand"
    LINK = "link", "a page on the web"


class Note(models.Model):
    """Markdown with a title and tags.

    `digest` names what was once asked to be saved: one note for each, for as long as the note exists, whatever is
    changed in it later. A note outlives its message, so `source_message` is an id and no foreign key.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notes", db_index=False)
    title = models.CharField(max_length=200)
    content = models.TextField()
    length = models.PositiveIntegerField(help_text="characters of the content")
    tag_lines = models.TextField(blank=True, help_text="each tag between line breaks")
    folded = models.TextField(help_text="what is searched: title, tags and content, folded")
    source = models.CharField(max_length=7, choices=Source, default=Source.API)
    source_url = models.CharField(max_length=2000, blank=True)
    source_message = models.UUIDField(null=True, blank=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 of what was asked to be saved")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "digest"], name="note_saved_once")]
        indexes = [models.Index(fields=["owner", "id"], name="note_by_owner")]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def tags(self) -> list[str]:
        return self.tag_lines.split()
