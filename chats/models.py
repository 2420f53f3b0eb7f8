"""Chats, their tree of messages, and the turns that fill replies. Constraints here hold for every caller."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Q
from django.db.models.sql.compiler import SQLCompiler

from common.folding import folded
from common.ids import uuid7


class Role(models.TextChoices):
    USER = "user"
    ASSISTANT = "assistant"


COMMAND = "command"  # reason of an answer that no model gave; no part of the context


class State(models.TextChoices):
    """States of a reply and of its turn; all but the first two are terminal."""

    STREAMING = "streaming"
    WAITING = "waiting", "waiting for a decision"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BLOCKED = "blocked"


UNFINISHED = (State.STREAMING, State.WAITING)


class Folder(models.TextChoices):
    """Where a chat lies; lists, history and search know only the first two."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    TEMPORARY = "temporary"
    TRASH = "trash"


class Assistant(models.Model):
    """Settings under a name, to begin chats with; a chat copies them. Without owner it is a group's, or everyone's."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="assistants", editable=False
    )
    group = models.ForeignKey(
        "auth.Group", models.CASCADE, null=True, blank=True, related_name="+", help_text="none: everyone may use it"
    )
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=1000, blank=True, default="")
    model = models.CharField(max_length=200, blank=True, default="", help_text="empty: as in a chat without")
    settings: Any = models.JSONField(default=dict, blank=True, help_text="as those of a chat (docs/api.md)")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(owner=None) | Q(group=None), name="assistant_of_one_kind"),
        ]

    def __str__(self) -> str:
        return str(self.id)  # the name may be its owner's text


class FoldedTitle(models.TextField):  # type: ignore[type-arg]
    """The title as it is compared; `titled` gives both to whoever updates without saving a model."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        text = folded(model_instance.title)  # type: ignore[attr-defined]
        setattr(model_instance, self.attname, text)
        return text


def titled(title: str) -> dict[str, str]:
    return {"title": title, "folded_title": folded(title)}


class Chat(models.Model):
    """A conversation; `head` is the last message of the branch shown."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    client_id = models.CharField(max_length=255, null=True, blank=True, help_text="the id a client made itself")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="chats")
    title = models.CharField(max_length=200, blank=True)
    folded_title = FoldedTitle(blank=True, default="", editable=False, help_text="what a search for titles looks at")
    title_by_user = models.BooleanField(default=False)
    model = models.CharField(max_length=200, blank=True)
    settings: Any = models.JSONField(default=dict, blank=True, help_text="what replaces the server's defaults")
    assistant = models.UUIDField(null=True, blank=True, help_text="that it began with; no key, since it may be gone")
    head = models.ForeignKey("Message", models.SET_NULL, null=True, blank=True, related_name="+")
    pinned = models.BooleanField(default=False)
    folder = models.CharField(max_length=9, choices=Folder, default=Folder.ACTIVE)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="when a temporary or trashed chat is deleted")
    last_number = models.PositiveIntegerField(default=0, help_text="number of the newest message")
    last_turn = models.PositiveIntegerField(default=0, help_text="number of the newest turn")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "client_id"], name="chat_client_id_per_owner")]
        indexes = [
            models.Index(F("owner"), F("folder"), F("updated_at").desc(), name="chat_by_activity"),
            models.Index(F("owner"), F("created_at").desc(), name="chat_by_creation"),
            # Few are: the list of them must not read past all the others.
            models.Index(F("owner"), F("folder"), F("updated_at").desc(), condition=Q(pinned=True), name="chat_pinned"),
            models.Index(fields=["expires_at"], condition=Q(expires_at__isnull=False), name="chat_expiry"),
        ]

    def __str__(self) -> str:
        return str(self.id)  # staff meet it in lists and logs of the admin; the title is the owner's text


class Message(models.Model):
    """A row of a chat. Content and reasoning of a running reply are completed by its chunks."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    client_id = models.CharField(max_length=255, null=True, blank=True)
    chat = models.ForeignKey(Chat, models.CASCADE, related_name="messages", db_index=False)
    number = models.PositiveIntegerField(help_text="order within the chat")
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")
    role = models.CharField(max_length=9, choices=Role)
    content = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    parts: Any = models.JSONField(
        null=True, blank=True, help_text="[[kind, length, text?], ...] where they are not reasoning, then text"
    )
    reasoning_seconds: Any = models.JSONField(
        null=True, blank=True, help_text="how long each part of the reasoning took, null where nobody knows"
    )
    state = models.CharField(max_length=11, choices=State, default=State.COMPLETE)
    reason = models.CharField(max_length=40, blank=True)
    model = models.CharField(max_length=200, blank=True)
    provider = models.CharField(max_length=20, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    fallback: Any = models.JSONField(
        null=True, blank=True, help_text="the model that was asked, where another has answered, and why"
    )
    cost = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="micro-units of the currency; null where the model has no price"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chat", "number"], name="message_number_per_chat"),
            models.UniqueConstraint(fields=["chat", "client_id"], name="message_client_id_per_chat"),
        ]
        indexes = [
            # First questions are siblings without a parent; without this, counting them reads the whole chat.
            models.Index(fields=["chat", "number"], condition=Q(parent=None), name="message_roots"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.number}"


class Turn(models.Model):
    """The run that fills one reply. `lease_until` is by the database's clock; `epoch` fences late writers off.

    While a turn waits for a decision, no process has it, and `lease_until` is when the waiting ends.
    """

    chat = models.ForeignKey(Chat, models.CASCADE, related_name="turns", db_index=False)
    number = models.PositiveIntegerField(help_text="order within the chat; the high part of event ids")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    question = models.ForeignKey(Message, models.CASCADE, related_name="turns")
    reply = models.OneToOneField(Message, models.CASCADE, related_name="turn")
    state = models.CharField(max_length=11, choices=State, default=State.STREAMING)
    reason = models.CharField(max_length=40, blank=True)
    category = models.CharField(max_length=200, blank=True, help_text="what a filter objected to")
    key = models.CharField(max_length=255, null=True, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True, help_text="SHA-256 of what was asked with the key")
    api_key = models.UUIDField(null=True, blank=True, help_text="that it was asked with")
    usage_day = models.BigIntegerField(null=True, blank=True, help_text="the counter of the user's day")
    counters: Any = models.JSONField(null=True, blank=True, help_text="of which tokens and cost are held while it runs")
    held_tokens = models.BigIntegerField(default=0)
    held_cost = models.BigIntegerField(default=0)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    epoch = models.PositiveIntegerField(default=1)
    stop_requested = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    left_out = models.PositiveSmallIntegerField(
        db_default=0, help_text="turns of the context that `max_context_tokens` had no room for"
    )
    resume: Any = models.JSONField(null=True, blank=True, help_text="what a waiting turn goes on with")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # A second tab, in any process, cannot start a turn while the first is still answering.
            models.UniqueConstraint(
                fields=["chat"], condition=Q(state__in=UNFINISHED), name="one_unfinished_turn_per_chat"
            ),
            models.UniqueConstraint(fields=["chat", "number"], name="turn_number_per_chat"),
            models.UniqueConstraint(fields=["user", "key"], name="turn_key_per_user"),
        ]
        indexes = [
            models.Index(fields=["lease_until"], condition=Q(state__in=UNFINISHED), name="turn_unfinished_lease"),
            models.Index(fields=["user"], condition=Q(state="streaming"), name="turn_running_user"),
            # For the sweep, which forgets keys of old turns.
            models.Index(fields=["started_at"], condition=Q(key__isnull=False), name="turn_key_age"),
        ]

    def __str__(self) -> str:
        return f"turn {self.number} ({self.state})"


class Chunk(models.Model):
    """Text of a running reply as it was flushed; `at` is its offset in code points over all parts.

    From 10^9 on (`chats.rows.ASIDE`) it stands beside the reply and is no part of it (`chats.turns.prompt_parts`): the
    whole output of a tool, which stays, and what only a provider understands.
    """

    pk = models.CompositePrimaryKey("message_id", "at")
    message = models.ForeignKey(Message, models.CASCADE, related_name="chunks", db_index=False)
    at = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)
    text = models.TextField()

    def __str__(self) -> str:
        return f"{self.kind} at {self.at}"


class MessageFile(models.Model):
    """That a message has a file, which is kept for as long; `chat` lets a chat's go with it."""

    pk = models.CompositePrimaryKey("message_id", "file_id")
    message = models.ForeignKey(Message, models.CASCADE, related_name="files", db_index=False)
    file = models.ForeignKey("files.File", models.PROTECT, related_name="+")
    chat = models.ForeignKey(Chat, models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return str(self.file_id)


class ToolCall(models.Model):
    """A tool call that waits, or waited, for its user's word; `approved` is null until then."""

    pk = models.CompositePrimaryKey("turn_id", "call")
    turn = models.ForeignKey(Turn, models.CASCADE, related_name="calls", db_index=False)
    call = models.CharField(max_length=64)
    tool = models.CharField(max_length=64)
    epoch = models.PositiveIntegerField(help_text="of the run that asked")
    approved = models.BooleanField(null=True)
    session = models.UUIDField(null=True, blank=True, help_text="that decided; what an ended one has allowed is void")
    reason = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"{self.tool} {self.call}"


class ToolGrant(models.Model):
    """A user's word that a tool need not ask again in a chat; gone when the user signs out everywhere."""

    pk = models.CompositePrimaryKey("chat_id", "tool")
    chat = models.ForeignKey(Chat, models.CASCADE, related_name="grants", db_index=False)
    tool = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.tool


class Feedback(models.Model):
    """A thumb up or down for a reply; one for each, the last one counts. `chat` lets a chat's go with it."""

    class Value(models.IntegerChoices):
        UP = 1, "good"
        DOWN = -1, "bad"

    class Reason(models.TextChoices):
        CORRECT = "correct"
        HELPFUL = "helpful"
        CLEAR = "clear"
        INCORRECT = "incorrect"
        UNHELPFUL = "unhelpful"
        INCOMPLETE = "incomplete"
        INSTRUCTIONS = "instructions_ignored"
        STYLE = "style"
        HARMFUL = "harmful"
        OTHER = "other"

    COMMENT_CHARS = 2000
    message = models.OneToOneField(Message, models.CASCADE, primary_key=True, related_name="feedback")
    chat = models.ForeignKey(Chat, models.CASCADE, related_name="feedback")
    value = models.SmallIntegerField(choices=Value)
    reasons: Any = models.JSONField(default=list, blank=True, help_text="of the closed list")
    comment = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.get_value_display()


class TransactionId(models.Func):
    """SQL for the id of the transaction that writes a row; nothing on SQLite, whose one writer needs none."""

    function, template, arity = "pg_current_xact_id", "%(function)s()::text::bigint", 0
    output_field = models.BigIntegerField()

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        return "0", ()


class Change(models.Model):
    """Something that changed for a user, written by the transaction that changed it (`chats.changes`).

    (xid, id) is the order of commits, once every older transaction has ended. `chat`, `message` and `file` are no keys,
    since deletions are told, too; a file has no chat.
    """

    class Kind(models.TextChoices):
        CHAT = "chat"  # made, or its title, model, marks or branch shown changed
        MESSAGE = "message"  # a question and the reply begun to it, or the end of that reply; the chat's head with it
        FEEDBACK = "feedback"  # given or taken back
        CHAT_DELETED = "chat_deleted"
        FILE = "file"  # came, got another state, or was deleted by its owner

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    xid = models.BigIntegerField(db_default=TransactionId())
    kind = models.CharField(max_length=20, choices=Kind)
    chat = models.UUIDField(null=True, blank=True)
    message = models.UUIDField(null=True, blank=True)
    file = models.UUIDField(null=True, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["user", "xid", "id"], name="change_by_user"),
            # For who reads everybody's. On SQLite, where ids are in order, nothing is in it.
            models.Index(fields=["xid", "id"], condition=Q(xid__gt=0), name="change_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.chat or self.file}"


class ForgottenChanges(models.Model):
    """The newest place in the order of changes that was forgotten: one row, or none so far."""

    xid = models.BigIntegerField()
    change = models.BigIntegerField()

    def __str__(self) -> str:
        return f"up to {self.xid}.{self.change}"
