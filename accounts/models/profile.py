"""What a user tells about themselves."""

from functools import cache
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from accounts.locales import LOCALE_CHARS, validate_locale


@cache
def time_zones() -> frozenset[str]:
    """Return the closed list of zone names that this machine knows."""
    return frozenset(available_timezones())


def validate_time_zone(name: str) -> None:
    """Refuse what is not in the list."""
    if name not in time_zones():
        raise ValidationError("This is not a known IANA time zone.", code="unknown_time_zone")


class Profile(models.Model):
    """Made with its user, by whatever door the user comes."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="profile")
    first_name = models.CharField(max_length=150, blank=True, default="")
    last_name = models.CharField(max_length=150, blank=True, default="")
    avatar = models.CharField("avatar file", max_length=100, blank=True, default="", editable=False)
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    locale = models.CharField(
        max_length=LOCALE_CHARS,
        blank=True,
        default="",
        validators=[validate_locale],
        help_text="BCP 47, as de or pt-BR",
    )
    preferred_model = models.CharField(max_length=200, blank=True, default="")

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or f"profile {self.pk}"
