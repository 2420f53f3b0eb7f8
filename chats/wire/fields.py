"""Fields that several doors take: what a message, a model's name and a key may be is said here alone."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from rest_framework import serializers

from common.drf import FlagField, TextField
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
    """A message: any text but blank, at most `MAX_MESSAGE_CHARS` characters."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.strip():
            self.fail("blank")
        if problem := message_problem(text):
            raise serializers.ValidationError(problem)
        return text


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
