"""What is kept of Stream's channels: the chat of each, the deliveries that have had their effect, the replies due."""

import re
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.ids import uuid7

# What the bot's messages are called on Stream (`Reply.message_id`); what does not fit into one goes on in others.
MESSAGE_ID = re.compile(r"parley-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-\d+)?")


class Service(models.Model):
    """The one user who owns the chats of channels in which nobody known to Parley asked first."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="stream_one_service")]
        verbose_name = "service user"

    def __str__(self) -> str:
        return "service user"


class Channel(models.Model):
    """A channel, or a thread in one, and the chat that keeps its context; the chat's id is chosen before it is made."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    cid = models.CharField(max_length=255, help_text="type:id, as Stream writes it")
    parent_id = models.CharField(max_length=255, blank=True, help_text="the message that a thread hangs on")
    chat = models.UUIDField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cid", "parent_id"], name="stream_channel_or_thread")]

    def __str__(self) -> str:
        return f"{self.cid} {self.parent_id}".strip()


class Delivery(models.Model):
    """A webhook that has had its effect, for ever; `answer` is given again where it is delivered again."""

    id = models.CharField(max_length=64, primary_key=True, help_text="SHA-256 of X-Webhook-Id")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the body, whatever id came with it")
    answer: Any = models.JSONField(null=True, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return self.id[:12]


class Reply(models.Model):
    """A message that the bot owes a channel, from the acceptance of the command until its last text is stored there."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="replies")
    asker = models.CharField(max_length=255, help_text="the id of the user on Stream")
    command = models.CharField(max_length=100)
    reply = models.UUIDField(null=True, blank=True, help_text="the message of the chat, once its turn is recorded")
    note = models.CharField(max_length=300, blank=True, help_text="what to say where there is no reply")
    is_posted = models.BooleanField(default=False)
    outcome = models.CharField(max_length=20, blank=True)
    task = models.UUIDField(null=True, blank=True, help_text="what brings it into the channel")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "replies"

    def __str__(self) -> str:
        return self.message_id

    @property
    def message_id(self) -> str:
        """The id of the bot's message on Stream; ours to choose, so sending it twice makes one."""
        return f"parley-{self.id}"

    @property
    def key(self) -> str:
        """The idempotency key of the turn that fills it."""
        return f"stream-{self.id}"
