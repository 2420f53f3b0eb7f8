"""What is indexed, and how far. The terms themselves stand beside the model (migration 0002): a column, or FTS5."""

from django.db import models
from django.db.models import Q

from chats.models import Chat, Message


class Document(models.Model):
    """A chat's title, (a part of) a message, or of a text that another app holds (common.text_sources).

    `id` is the time of what it holds in ms, then 20 bits of its UUID: newest first is the order of the key, wherever a
    row comes from and whenever it was indexed.
    """

    id = models.BigAutoField(primary_key=True)  # always given; an auto field is the row's own id on SQLite
    owner_id = models.BigIntegerField()
    chat = models.ForeignKey(Chat, models.CASCADE, null=True, blank=True, related_name="+")
    # The key into the chat is checked; with it owner and message are there.
    message = models.ForeignKey(
        Message, models.CASCADE, null=True, blank=True, related_name="+", db_index=False, db_constraint=False,
        help_text="none: the title",
    )  # fmt: skip
    kind = models.CharField(max_length=20, blank=True, help_text="the source of a text that is not of a chat")
    text_id = models.UUIDField(null=True, blank=True)
    part = models.PositiveSmallIntegerField(default=0)
    at = models.PositiveIntegerField(default=0, help_text="where the part begins in the text, in code points")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "part"], name="document_per_part"),
            models.UniqueConstraint(fields=["chat"], condition=Q(message=None), name="document_per_title"),
            models.UniqueConstraint(fields=["text_id", "part"], condition=~Q(text_id=None), name="document_per_text"),
        ]
        indexes = [models.Index(fields=["owner_id", "id"], name="document_by_owner")]

    def __str__(self) -> str:
        return str(self.id)


class IndexPosition(models.Model):
    """The place in the log of changes up to which everything is indexed: one row.

    An SQLite file may hold words of what was deleted where `deletions` are more than `erased`.
    """

    xid = models.BigIntegerField(default=0)
    change = models.BigIntegerField(default=0)
    deletions = models.BigIntegerField(default=0)
    erased = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"up to {self.xid}.{self.change}"
