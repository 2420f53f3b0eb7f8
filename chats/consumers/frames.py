"""What a client's frame asks for."""

from dataclasses import dataclass, field
from typing import Any

from rest_framework import serializers

from chats import turns
from chats.wire.fields import (
    KEY_CHARS,
    MOST_APPROVALS,
    ApprovalInput,
    ContentField,
    FilesField,
    ModelNameField,
    require_said,
)
from chats.wire.settings import ChatSettings
from common.drf import IdField, TextField
from common.errors import Invalid
from common.json import loads
from common.views import checked_input, without_null

LAST_ID = 2**53


class AuthFrame(serializers.Serializer[Any]):
    token = TextField(max_length=4096)


class StopFrame(serializers.Serializer[Any]):
    chat = IdField()


class FollowFrame(StopFrame):
    reply = IdField(required=False, default=None)
    after = serializers.IntegerField(required=False, default=None, min_value=0, max_value=LAST_ID)


class RegenerateFrame(StopFrame):
    message = IdField()
    model = ModelNameField(required=False, allow_blank=True, default="")
    settings = ChatSettings(required=False, default=dict)
    key = TextField(required=False, default="", max_length=KEY_CHARS)


class SendFrame(StopFrame):
    content = ContentField(allow_blank=True)
    files = FilesField(required=False, default=tuple)
    parent = IdField(required=False, default=None)  # type: ignore[assignment]
    model = ModelNameField(required=False, allow_blank=True, default="")
    settings = ChatSettings(required=False, default=dict)
    key = TextField(required=False, default="", max_length=KEY_CHARS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return require_said(attrs)


class ApproveFrame(StopFrame):
    message = IdField()
    approvals = ApprovalInput(many=True, allow_empty=False, max_length=MOST_APPROVALS)  # type: ignore[call-arg]


KINDS: dict[str, type[serializers.Serializer[Any]]] = {
    "auth": AuthFrame,
    "send": SendFrame,
    "follow": FollowFrame,
    "stop": StopFrame,
    "regenerate": RegenerateFrame,
    "approve": ApproveFrame,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its type, and the values that are its own."""

    type: str
    data: dict[str, Any] = field(repr=False)

    def values(self) -> dict[str, Any]:
        """Return what the frame says; raise its field errors."""
        said = {name: value for name, value in self.data.items() if name != "type"}
        return checked_input(KINDS[self.type], without_null(said))


def turn_request(kind: str, values: dict[str, Any]) -> turns.TurnRequest:
    """Return the turn that a `send` or `regenerate` frame asks for."""
    if kind == "regenerate":
        return turns.RegenerateRequest(**values, can_ask=True)
    return turns.SendRequest(**values, remember_model=True, can_ask=True)


def read_frame(text: str | None) -> Frame:
    """Read a frame; raise Invalid or NotJson."""
    if text is None:
        raise Invalid("Send text frames with JSON.")
    data = loads(text.encode("utf-8", "surrogatepass"))
    if not isinstance(data, dict):
        raise Invalid("A frame must be a JSON object.")
    kind = data.get("type")
    if not isinstance(kind, str) or kind not in KINDS:
        what = f"`type` must be one of {', '.join(KINDS)}."
        raise Invalid(what, errors={"type": [what]})
    return Frame(kind, data)
