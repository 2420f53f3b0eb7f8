"""What a user has used on each of their days."""

from django.conf import settings
from django.db import models


class Day(models.Model):
    """One local date of one user: `[starts_at, ends_at)` in the zone that held when it began."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="usage_days")
    day = models.DateField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    messages = models.PositiveIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "day"], name="one_row_per_user_and_day")]
        indexes = [models.Index(fields=["user", "-ends_at"], name="usage_current_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.messages} messages, {self.tokens} tokens"
