"""What a client posts to `/api/chat`, and what of it is believed: the stored chat is the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework import serializers

from chats import turns
from chats.models import Role
from chats.services.client_ids import LENGTH, is_client_id
from chats.wire.data_files import DataFile, own_file, read_data_url
from chats.wire.fields import MOST_APPROVALS, ApprovalInput, ModelNameField, message_problem
from chats.wire.settings import ChatSettings
from common.drf import TextField
from common.views import without_null
from compat.ai_sdk.tool_parts import RESPONDED

NAME_CHARS = 255
SUBMIT, REGENERATE = "submit-message", "regenerate-message"


@dataclass(frozen=True, slots=True)
class Question:
    """The last user message: the client's id for it, its files, and its text, or nothing where that is blank."""

    id: str = ""
    text: str = ""
    files: tuple[DataFile | UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The last message where that is a reply with answered requests for approval; nothing else of it is believed."""

    reply: str
    verdicts: list[turns.Approval]


@dataclass(frozen=True, slots=True)
class Said:
    """What is believed of the messages that a client sends."""

    question: Question = Question()
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """One POST of a client; `message_id` names what to edit or to regenerate, `question_id` the last user message.

    With an `answer` nothing is asked: the reply that waited for it goes on.
    """

    chat: str
    trigger: str
    message_id: str
    question_id: str
    text: str
    files: tuple[DataFile | UUID, ...]
    model: str
    settings: dict[str, Any]
    approvals: bool
    answer: Answer | None


class UiMessagesField(serializers.ListField):
    """Messages, of which the last one of the user and the answers in the very last are believed, and looked at."""

    child = serializers.DictField()

    def to_internal_value(self, data: Any) -> Said:  # type: ignore[override]
        if not isinstance(data, Sequence) or isinstance(data, str):
            raise serializers.ValidationError("This must be a list of messages.")
        for place, message in enumerate(reversed(data)):
            if not isinstance(message, dict):
                raise serializers.ValidationError("A message must be an object.")
            if message.get("role") == Role.USER:
                return Said(_question(message))
            if place == 0 and (answer := _answer(message)):
                return Said(answer=answer)
        return Said()


class UiMessageField(serializers.DictField):
    def to_internal_value(self, data: Any) -> Said:  # type: ignore[override]
        return UiMessagesField().to_internal_value([data])


def _head(message: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Return the id and the parts of a message."""
    parts, name = message.get("parts", []), message.get("id") or ""
    if not isinstance(name, str) or (name and not is_client_id(name)):
        raise serializers.ValidationError(f"The id of a message is a text of at most {LENGTH} characters.")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise serializers.ValidationError("`parts` must be a list of objects.")
    return name, parts


def _answer(message: dict[str, Any]) -> Answer | None:
    name, parts = _head(message)
    said = [_verdict(part.get("approval")) for part in parts if part.get("state") == RESPONDED]
    verdicts = ApprovalInput(many=True, max_length=MOST_APPROVALS).run_validation(said)  # type: ignore[call-arg]
    return Answer(name, [turns.Approval(**each) for each in verdicts]) if verdicts else None


def _verdict(approval: Any) -> dict[str, Any]:
    if not isinstance(approval, dict):
        raise serializers.ValidationError("The `approval` of a part must be an object.")
    return {"call": approval.get("id"), "approved": approval.get("approved"), "reason": approval.get("reason") or ""}


def _question(message: dict[str, Any]) -> Question:
    name, parts = _head(message)
    files = tuple(_file(part) for part in parts if part.get("type") == "file")
    if len(files) > settings.FILES_PER_MESSAGE:
        raise serializers.ValidationError(f"A message has at most {settings.FILES_PER_MESSAGE} files.")
    texts = [part.get("text") for part in parts if part.get("type") == "text"]
    if not all(isinstance(text, str) for text in texts):
        raise serializers.ValidationError("The text of a part must be a string.")
    text = "\n".join(map(str, texts))
    if problem := message_problem(text):
        raise serializers.ValidationError(problem)
    return Question(name, text if text.strip() else "", files)


def _file(part: dict[str, Any]) -> DataFile | UUID:
    """Read a file that came along, or the address of one that is here; no other address is fetched."""
    url, name = part.get("url"), part.get("filename") or ""
    if not isinstance(url, str) or not isinstance(name, str):
        raise serializers.ValidationError("A file must have a `url`, and may have a `filename`, both text.")
    if own := own_file(url):
        return own
    found = read_data_url(url)
    if found is None:
        raise serializers.ValidationError("The url of a file must be a data: URL in base64; no other is fetched.")
    return DataFile(found[1], name[:NAME_CHARS])


class UiBodyInput(serializers.Serializer[Any]):
    """What `DefaultChatTransport` posts; only the last user message is believed, and of a reply the answers alone."""

    id = TextField(source="chat", max_length=LENGTH, help_text="the chat: our UUID, or the client's own id")
    messages = UiMessagesField(required=False)
    message = UiMessageField(required=False, help_text="instead of `messages`: the last one alone")
    trigger = serializers.ChoiceField([SUBMIT, REGENERATE], required=False, default=SUBMIT)
    messageId = TextField(source="message_id", required=False, max_length=LENGTH, default="")  # noqa: N815
    model = ModelNameField(required=False, allow_blank=True, default="")
    settings = ChatSettings(required=False, default=dict, help_text="for this turn only")
    approvals = serializers.BooleanField(
        required=False, default=False, help_text="the client is ai 6 or later and shows requests for approval"
    )

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(without_null(data))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        alone = attrs.pop("message", Said())
        said = attrs.pop("messages", None) or alone
        if attrs["trigger"] == SUBMIT and not (said.answer or said.question.text or said.question.files):
            raise serializers.ValidationError({"messages": "The last user message has no text."})
        asked = said.question
        return attrs | {"question_id": asked.id, "text": asked.text, "files": asked.files, "answer": said.answer}
