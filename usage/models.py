"""What has been used: counted by day for whom limits bound, and noted for each call of a provider."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q


class CounterQuerySet(models.QuerySet["Counter"]):
    def of_user(self, user_id: int) -> "CounterQuerySet":
        """Return the days of a user, all models together."""
        return self.filter(subject=f"user:{user_id}", model="")


class Counter(models.Model):
    """What one subject has used on one local date: `[starts_at, ends_at)` in the zone that held when it began.

    A month is the sum of its days. Only people are counted all the time; the other subjects, and single models, from
    when a limit bounds them. `held_…` is what running replies may still use: at most what they were allowed.
    """

    subject = models.CharField(max_length=50, help_text="user:1, key:…, group:1 or everyone")
    model = models.CharField(max_length=200, blank=True, default="", help_text="provider/model; empty: all of them")
    day = models.DateField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    messages = models.PositiveIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    cost = models.PositiveBigIntegerField(default=0, help_text="micro-units of the currency")
    held_tokens = models.BigIntegerField(default=0)
    held_cost = models.BigIntegerField(default=0)
    running = models.IntegerField(default=0, help_text="replies that hold something of a limit")
    minute = models.PositiveBigIntegerField(default=0, help_text="since 1970, of the last message under a limit")
    minute_messages = models.PositiveIntegerField(default=0)

    objects = CounterQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject", "model", "day"], name="one_counter_per_day")]
        indexes = [models.Index(fields=["subject", "model", "-ends_at"], name="usage_current_day")]

    def __str__(self) -> str:
        return f"{self.subject} on {self.day}"


class Limit(models.Model):
    """A bound on what a user, a key, a group or everyone may use; of a group or everyone together, or each person."""

    class Unit(models.TextChoices):
        MESSAGES = "messages", "messages"
        TOKENS = "tokens", "tokens"
        COST = "cost", "cost (micro-units of the currency)"
        RUNNING = "running", "replies at the same time"

    class Period(models.TextChoices):
        MINUTE = "minute", "a minute"
        DAY = "day", "a day"
        MONTH = "month", "a month"

    name = models.CharField(max_length=60, help_text="as people are told of it")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="usage_limits"
    )
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="+")
    key = models.ForeignKey(
        "accounts.ApiKey", models.CASCADE, null=True, blank=True, related_name="+", verbose_name="API key"
    )
    is_shared = models.BooleanField(
        "shared", default=False, help_text="one amount for all of the group, or for everyone; else for each person"
    )
    model = models.CharField(max_length=200, blank=True, default="", help_text="provider/model; empty: all of them")
    unit = models.CharField(max_length=8, choices=Unit)
    period = models.CharField(max_length=6, choices=Period, blank=True, default="")
    amount = models.PositiveBigIntegerField(
        help_text="of cost in millionths of the currency: 5000000 is 5. What is shared, and what is limited for one "
        "model or one key, is counted from when a limit bounds it"
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="limit_of_one_subject",
                condition=Q(user=None, group=None) | Q(user=None, key=None) | Q(group=None, key=None),
            ),
            models.CheckConstraint(
                name="limit_has_its_period",
                condition=Q(unit="running", period="")
                | Q(unit="messages", period__in=["minute", "day", "month"])
                | Q(unit__in=["tokens", "cost"], period__in=["day", "month"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if [self.user_id, self.group_id, self.key_id].count(None) < 2:
            raise ValidationError("Name one of user, group and key, or none of them for everyone.")
        if self.is_shared and (self.user_id or self.key_id):
            raise ValidationError({"is_shared": "Only the amount of a group or of everyone can be shared."})
        if self.unit == self.Unit.RUNNING and self.period:
            raise ValidationError({"period": "What runs at the same time has no period."})
        if self.unit != self.Unit.RUNNING and not self.period:
            raise ValidationError({"period": "Say for how long."})
        if self.period == self.Period.MINUTE and self.unit != self.Unit.MESSAGES:
            raise ValidationError({"period": "Only messages are limited by the minute."})


class Hold(models.Model):
    """What a call without a turn may still use, or one whose chat was deleted: settled by whoever deletes this row.

    `lease_until` is by the database's clock; what a dead process held is booked by the sweep as if it had been used.
    """

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=10)
    user_id = models.BigIntegerField()
    key = models.UUIDField(null=True)
    counter = models.BigIntegerField(help_text="of the user's day")
    day = models.DateField()
    chat = models.UUIDField(null=True)
    reply = models.UUIDField(null=True)
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=200)
    counters: Any = models.JSONField(null=True, help_text="of which tokens and cost are held")
    tokens = models.BigIntegerField()
    cost = models.BigIntegerField()
    messages = models.PositiveSmallIntegerField(help_text="counted, and given back where nothing came")
    running = models.PositiveSmallIntegerField()
    begun_at = models.DateTimeField()
    lease_until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} of user {self.user_id}"


class Attempt(models.Model):
    """One call of a provider and what it came to. It outlives its chat and, nameless then, its user.

    `cost` is in micro-units of the currency; the prices, for a million tokens each, are those that were in force.
    """

    class Kind(models.TextChoices):
        REPLY = "reply", "reply in a chat"
        COMPLETION = "completion", "completion that is not stored"
        TITLE = "title", "title of a chat"

    # Without constraints, so that what is spent is booked whoever has been deleted meanwhile.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_constraint=False, db_index=False
    )
    key = models.UUIDField(null=True, help_text="the API key it was asked with")
    day = models.DateField(help_text="of the user's zone, when it was asked for")
    kind = models.CharField(max_length=10, choices=Kind)
    chat = models.UUIDField(null=True)
    reply = models.UUIDField(null=True)
    provider = models.CharField(max_length=40)
    model = models.CharField(max_length=200)
    begun_at = models.DateTimeField()
    first_text_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField()
    error = models.CharField(max_length=40, blank=True)
    tokens_in = models.PositiveIntegerField(help_text="those cached included")
    tokens_out = models.PositiveIntegerField(help_text="those of reasoning included")
    tokens_cached = models.PositiveIntegerField()
    tokens_reasoning = models.PositiveIntegerField()
    estimated = models.BooleanField(help_text="the provider has not told the tokens")
    input_price = models.PositiveBigIntegerField(null=True)
    output_price = models.PositiveBigIntegerField(null=True)
    cached_input_price = models.PositiveBigIntegerField(null=True)
    cost = models.PositiveBigIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["user", "day"], name="attempt_user_day"),
            models.Index(fields=["day"], name="attempt_day"),
            models.Index(fields=["reply"], name="attempt_reply"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} on {self.day}"
