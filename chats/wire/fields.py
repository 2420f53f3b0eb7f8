"""Fields that several doors take: what a message, a model's name and a key may be is said here alone."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework import serializers

from common.drf import FlagField, IdField, ShortListField, TextField
from common.text import NOT_STORABLE, is_storable
from common.views import require_known

MODEL_CHARS, KEY_CHARS = 200, 255
MOST_TOKENS = 10**7  # that a caller may ask a reply of
MOST_APPROVALS = 128  # at once: no step has more calls


def message_problem(text: str) -> str:
    """Say what keeps a text from being a message, or nothing; that a door wants more than blanks is its own affair."""
    if len(text) > settings.MAX_MESSAGE_CHARS:
        return f"A message has at most {settings.MAX_MESSAGE_CHARS:,} characters."
    return "" if is_storable(text) else NOT_STORABLE


class ContentField(TextField):
    """A message: any text but blank, at most `MAX_MESSAGE_CHARS` characters. Beside files it may be blank."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.strip() and not self.allow_blank:
            self.fail("blank")
        if problem := message_problem(text):
            raise serializers.ValidationError(problem)
        return text


class FilesField(ShortListField):
    """Ids of the sender's own files, each of them once."""

    child = IdField()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=settings.FILES_PER_MESSAGE, **kwargs)

    def to_internal_value(self, data: Any) -> tuple[UUID, ...]:  # type: ignore[override]
        return tuple(dict.fromkeys(super().to_internal_value(data)))


def require_said(values: dict[str, Any]) -> dict[str, Any]:
    """Return a question's values; raise a field error where it has neither text nor files."""
    if not values["content"].strip() and not values.get("files"):
        raise serializers.ValidationError({"content": ["This field may not be blank."]})
    return values


class ModelNameField(TextField):
    """`provider/model`, an alias, or a provider's name for its default model; raises 400 `unknown_model` on use."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MODEL_CHARS, **kwargs)


class InnerInput(serializers.Serializer[Any]):
    """An object within a body: what there is no field for is refused by name, as in the body itself."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            require_known(data, self.fields)
        return super().to_internal_value(data)


class ApprovalInput(InnerInput):
    """What a user says of one call that a reply waits with."""

    call = TextField(max_length=64, help_text="the id of a tool call of this reply")
    approved = FlagField()
    reason = TextField(required=False, allow_blank=True, max_length=500, default="", help_text="the model is told it")
    remember = FlagField(default=False, help_text="do not ask for this tool in this chat again")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["remember"] and not attrs["approved"]:
            raise serializers.ValidationError({"remember": "Only what is approved can be remembered."})
        return attrs
