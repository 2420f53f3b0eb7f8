"""What staff say of providers and models. A turn reads none of it: `llm.snapshot` keeps it in memory."""

import re
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction

from common.secrets import SealedField
from llm.quirks import quirks_of
from llm.signals import rows_changed

STAFF_ORDER = 100  # of what staff add: behind the environment's own, before the demo
MOST_WORDS = 50
ADAPTER_CHOICES = [
    ("openai_responses", "OpenAI Responses"),
    ("openai_chat", "OpenAI chat completions, and compatible servers"),
    ("anthropic", "Anthropic Messages"),
    ("gemini", "Gemini"),
    ("demo", "the demo"),
]
name_validator = RegexValidator(r"^[a-z0-9][a-z0-9_-]*\Z", "Use small letters, digits, - and _.")
id_validator = RegexValidator(r"^[^\s,\x00-\x1f][^,\x00-\x1f]*(?<!\s)\Z", "No commas, no blanks at either end.")


def validate_address(address: str) -> None:
    """Refuse what is no plain http(s) address; hosts without a dot are usual among containers."""
    try:
        parts = urlsplit(address)
        plain = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        plain = False
    if not plain or re.search(r"[\s@?#\\]", address):
        raise ValidationError("Give an http(s) address without name, password, query or fragment.")


def validate_quirks(value: Any) -> None:
    """Refuse quirks that no adapter knows, and values of another type."""
    try:
        quirks_of(value)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def validate_words(value: Any) -> None:
    """Refuse what is no short list of names."""
    if not isinstance(value, list) or len(value) > MOST_WORDS:
        raise ValidationError(f"Give at most {MOST_WORDS} names.")
    for word in value:
        if not isinstance(word, str) or len(word) > 200:
            raise ValidationError("A name has at most 200 characters.")
        id_validator(word)


class CatalogQuerySet(models.QuerySet[Any]):
    """What changes rows without saving them changes the version too; the rest is told by signals."""

    def update(self, **values: Any) -> int:
        changed = super().update(**values)
        CatalogVersion.renew()
        return changed

    def bulk_create(self, *args: Any, **kwargs: Any) -> list[Any]:
        made = super().bulk_create(*args, **kwargs)
        CatalogVersion.renew()
        return made


class CatalogVersion(models.Model):
    """One row, with another value after each change of what is below; every process looks at it again and again."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    value = models.UUIDField()

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def renew(cls, **_: Any) -> None:
        """Say that something has changed; random, so that a restored database is never taken for the one before."""
        row = CatalogVersion(pk=1, value=uuid4())
        CatalogVersion.objects.bulk_create([row], update_conflicts=True, unique_fields=["id"], update_fields=["value"])
        transaction.on_commit(partial(rows_changed.send, CatalogVersion))

    @classmethod
    def current(cls) -> UUID | None:
        return cls.objects.values_list("value", flat=True).first()


class Provider(models.Model):
    """Whom models are asked of. Empty adapter, address and key are those of the vendor, or of the environment."""

    name = models.CharField(
        max_length=20, unique=True, validators=[name_validator], help_text="as in <i>name/model</i>; it stays"
    )
    label = models.CharField(max_length=100, blank=True, default="")
    adapter = models.CharField(max_length=20, choices=ADAPTER_CHOICES, blank=True, default="", verbose_name="speaks")
    base_url = models.CharField(
        "address", max_length=500, blank=True, default="", validators=[validate_address],
        help_text="up to and with /v1; empty: the vendor's own",
    )  # fmt: skip
    sealed_key = SealedField(blank=True, default="", editable=False)
    quirks: Any = models.JSONField(default=dict, blank=True, validators=[validate_quirks])
    from_environment = models.BooleanField(default=False, editable=False)
    enabled = models.BooleanField(default=True)
    order = models.PositiveSmallIntegerField(default=STAFF_ORDER)

    objects = CatalogQuerySet.as_manager()

    class Meta:
        ordering = ["order", "id"]

    def __str__(self) -> str:
        return self.label or self.name

    @property
    def names(self) -> list[str]:
        """Return the names under which it and its models are chosen and remembered."""
        return [self.name, *(name for model in self.models.all() for name in model.names)]


class Model(models.Model):
    """A model of a provider. NULL, of what it can do, of limits and prices: what `llm/known_models.json` says."""

    provider = models.ForeignKey(Provider, models.CASCADE, related_name="models")
    model_id = models.CharField("id", max_length=150, validators=[id_validator], help_text="as the provider calls it")
    label = models.CharField(max_length=100, blank=True, default="")
    tools = models.BooleanField(null=True, blank=True)
    images = models.BooleanField(null=True, blank=True)
    files = models.BooleanField(null=True, blank=True)
    structured_output = models.BooleanField(null=True, blank=True)
    sampling = models.BooleanField("temperature and top_p", null=True, blank=True)
    efforts: Any = models.JSONField(null=True, blank=True, validators=[validate_words])
    context_tokens = models.PositiveIntegerField(null=True, blank=True)
    max_output_tokens = models.PositiveIntegerField(null=True, blank=True)
    input_price = models.PositiveBigIntegerField(null=True, blank=True)
    output_price = models.PositiveBigIntegerField(null=True, blank=True)
    cached_input_price = models.PositiveBigIntegerField(null=True, blank=True)
    aliases: Any = models.JSONField(default=list, blank=True, validators=[validate_words])
    fallbacks: Any = models.JSONField(default=list, blank=True, validators=[validate_words])
    groups: Any = models.ManyToManyField(Group, through="ModelGroup", related_name="+")
    from_environment = models.BooleanField(default=False, editable=False)
    enabled = models.BooleanField(default=True)
    order = models.PositiveSmallIntegerField(default=STAFF_ORDER)
    default = models.BooleanField(default=False, help_text="where nothing else is chosen; DEFAULT_MODEL wins over it")

    objects = CatalogQuerySet.as_manager()

    class Meta:
        ordering = ["provider__order", "order", "id"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "model_id"], name="model_id_per_provider"),
            models.UniqueConstraint(fields=["default"], condition=models.Q(default=True), name="one_default_model"),
        ]

    def __str__(self) -> str:
        return f"{self.provider.name}/{self.model_id}"

    @property
    def names(self) -> list[str]:
        """Return the names under which it is chosen and remembered."""
        bare = [self.model_id, *self.aliases]
        return [*bare, *(f"{self.provider.name}/{name}" for name in bare)]


class ModelGroup(models.Model):
    """A group whose members may use a model; a model with none is everybody's, so no group of one goes unnoticed."""

    model = models.ForeignKey(Model, models.CASCADE)
    group = models.ForeignKey(Group, models.PROTECT, related_name="+")

    objects = CatalogQuerySet.as_manager()

    class Meta:
        verbose_name = "group that may use it"
        verbose_name_plural = "groups that may use it (none: everybody)"
        constraints = [models.UniqueConstraint(fields=["model", "group"], name="model_group_once")]

    def __str__(self) -> str:
        return str(self.group)
