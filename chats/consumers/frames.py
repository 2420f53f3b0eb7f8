"""What a client's frame asks for."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings

from chats import turns
from chats.services.client_ids import as_uuid
from common.errors import Invalid
from common.json import loads
from common.views import require_known

KEY_LENGTH, MODEL_LENGTH, LAST_ID = 255, 200, 2**53
MEMBERS = {
    "auth": {"token"},
    "send": {"chat", "content", "parent", "model", "key"},
    "follow": {"chat", "reply", "after"},
    "stop": {"chat"},
    "regenerate": {"chat", "message", "model", "key"},
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its type, and the values that are its own."""

    type: str
    data: dict[str, Any] = field(repr=False)

    @property
    def key(self) -> str:
        return self.text("key", "", KEY_LENGTH)

    @property
    def chat(self) -> UUID:
        return self._uuid("chat")

    @property
    def token(self) -> str:
        return self.text("token", None, 4096)

    @property
    def reply(self) -> UUID | None:
        return self._uuid("reply") if self.data.get("reply") is not None else None

    @property
    def after(self) -> int | None:
        after = self.data.get("after")
        if after is None:
            return None
        if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after <= LAST_ID:
            raise _invalid("after", "This is not the id of an event.")
        return after

    def require_known(self) -> None:
        """Raise Invalid, by name, for members that a frame of this type has not."""
        require_known(self.data, MEMBERS[self.type] | {"type"})

    def turn_request(self) -> turns.TurnRequest:
        """Return the turn that a `send` or `regenerate` frame asks for; raise Invalid."""
        model = self.text("model", "", MODEL_LENGTH)
        if self.type == "regenerate":
            return turns.RegenerateRequest(chat=self.chat, message=self._uuid("message"), model=model, key=self.key)
        content = self.text("content", None, settings.MAX_MESSAGE_CHARS)
        if not content.strip():
            raise _invalid("content", "A message must have text.")
        parent = self._uuid("parent") if self.data.get("parent") is not None else None
        return turns.SendRequest(
            chat=self.chat, content=content, parent=parent, model=model, key=self.key, remember_model=True
        )

    def text(self, name: str, default: str | None, most: int) -> str:
        """Return a text of the frame; raise Invalid for one that cannot be kept."""
        value = self.data.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value:
            raise _invalid(name, f"`{name}` must be a text.")
        if len(value) > most:
            raise _invalid(name, f"`{name}` has at most {most} characters.")
        if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise _invalid(name, "NUL and unpaired surrogates are not allowed.")
        return value

    def _uuid(self, name: str) -> UUID:
        value = self.data.get(name)
        found = as_uuid(value) if isinstance(value, str) else None
        if found is None:
            raise _invalid(name, f"`{name}` must be a UUID.")
        return found


def _invalid(name: str, what: str) -> Invalid:
    return Invalid(what, errors={name: [what]})


def read_frame(text: str | None) -> Frame:
    """Read a frame; raise Invalid or NotJson."""
    if text is None:
        raise Invalid("Send text frames with JSON.")
    data = loads(text.encode("utf-8", "surrogatepass"))
    if not isinstance(data, dict):
        raise Invalid("A frame must be a JSON object.")
    kind = data.get("type")
    if not isinstance(kind, str) or kind not in MEMBERS:
        raise _invalid("type", f"`type` must be one of {', '.join(MEMBERS)}.")
    return Frame(kind, data)
