"""What the page's forms send, over the socket or as a plain post."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.fields import empty

from chats import turns
from chats.wire.fields import KEY_CHARS, ContentField, FilesField, ModelNameField
from common.drf import TextField
from common.views import checked


class FormFilesField(TextField):
    """Ids of files in one field, which the script of the page fills in."""

    def run_validation(self, data: Any = empty) -> tuple[UUID, ...]:
        ids: list[str] = super().run_validation(data).split()
        return FilesField().run_validation(ids) if ids else ()


class AskInput(serializers.Serializer[Any]):
    message = ContentField(source="content", allow_blank=True)
    model = ModelNameField(required=False, allow_blank=True, default="")
    key = TextField(required=False, allow_blank=True, default="", max_length=KEY_CHARS)

    def validate_message(self, text: str) -> str:
        return text.replace("\r\n", "\n")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["content"].strip() and not attrs.get("files"):
            raise serializers.ValidationError({"message": "Write something first."})
        return attrs


class SendInput(AskInput):
    files = FormFilesField(required=False, allow_blank=True, default="")
    assistant = serializers.UUIDField(required=False, allow_null=True, default=None)


class EditQuestionInput(AskInput):
    id = serializers.UUIDField(source="message")


class AgainInput(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="message")
    model = ModelNameField(required=False, allow_blank=True, default="")


class ShowInput(serializers.Serializer[Any]):
    """One step among the siblings of a message."""

    id = serializers.UUIDField()
    step = serializers.ChoiceField([-1, 1])


class DecideInput(serializers.Serializer[Any]):
    """What the user says of a tool call."""

    id = serializers.UUIDField()
    call = TextField(max_length=64)
    verdict = serializers.ChoiceField(["allow", "always", "deny"])


class RenameInput(serializers.Serializer[Any]):
    title = TextField(max_length=200)

    def validate_title(self, text: str) -> str:
        return " ".join(text.split())


class ThumbInput(serializers.Serializer[Any]):
    value = serializers.ChoiceField([-1, 1])


# What starts a turn.
VERBS: dict[str, tuple[type[turns.TurnRequest], type[serializers.Serializer[Any]]]] = {
    "send": (turns.SendRequest, SendInput),
    "edit": (turns.EditRequest, EditQuestionInput),
    "regenerate": (turns.RegenerateRequest, AgainInput),
    "continue": (turns.ContinueRequest, AgainInput),
}


def request_of(chat_id: UUID, verb: Any, data: Any) -> turns.TurnRequest | None:
    """Return what a form asks of the engine, or None where that is no turn; raise its field errors."""
    if str(verb) not in VERBS:
        return None
    kind, serializer = VERBS[str(verb)]
    values = checked(serializer, data)
    if kind is turns.SendRequest:
        values["create"] = True
    return kind(chat=chat_id, remember_model=True, can_ask=True, **values)
