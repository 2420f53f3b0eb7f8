"""What `useChat` posts, reduced to what is believed of it: the last user message, and what to do with it."""

from dataclasses import dataclass
from typing import Any

from chats.errors import FilesNotSupported
from chats.services.client_ids import LENGTH, is_client_id
from chats.wire.fields import message_problem
from common.errors import Invalid

SUBMIT, REGENERATE = "submit-message", "regenerate-message"


@dataclass(frozen=True, slots=True)
class Submission:
    """One POST of a client; `message_id` names what to edit or to regenerate, `question_id` the last user message."""

    chat: str
    trigger: str
    message_id: str
    question_id: str
    text: str
    model: str


def parse_submission(data: dict[str, Any]) -> Submission:
    """Read a body of either form, `{messages}` or `{message}`; raise Invalid, or FilesNotSupported."""
    trigger = data.get("trigger", SUBMIT)
    if trigger not in (SUBMIT, REGENERATE):
        raise _invalid("trigger", f"Send {SUBMIT} or {REGENERATE}.")
    question = _last_question(data)
    submission = Submission(
        _name(data, "id"),
        trigger,
        _name(data, "messageId", ""),
        _name(question, "id", ""),
        _text_of(question),
        _model(data),
    )
    if not submission.text and trigger == SUBMIT:
        raise _invalid("messages", "The last user message has no text.")
    return submission


def _invalid(field: str, what: str) -> Invalid:
    return Invalid(what, errors={field: [what]})


def _name(data: dict[str, Any], field: str, default: str | None = None) -> str:
    value = data.get(field)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or not is_client_id(value):
        raise _invalid(field, f"`{field}` must be a text of 1 to {LENGTH} characters.")
    return value


def _model(data: dict[str, Any]) -> str:
    model = data.get("model") or ""
    if not isinstance(model, str) or len(model) > 200 or (model and not is_client_id(model)):
        raise _invalid("model", "`model` must be the name of a model.")
    return model


def _last_question(data: dict[str, Any]) -> dict[str, Any]:
    given = data.get("messages", [data["message"]] if "message" in data else [])
    if not isinstance(given, list):
        raise _invalid("messages", "`messages` must be a list.")
    for message in reversed(given):
        if not isinstance(message, dict):
            raise _invalid("messages", "A message must be an object.")
        if message.get("role") == "user":
            return message
    return {}


def _text_of(message: dict[str, Any]) -> str:
    parts = message.get("parts", [])
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise _invalid("messages", "`parts` must be a list of objects.")
    if any(part.get("type") == "file" for part in parts):
        raise FilesNotSupported(errors={"messages": [FilesNotSupported.title]})
    return _checked("\n".join(_string(part) for part in parts if part.get("type") == "text"))


def _string(part: dict[str, Any]) -> str:
    text = part.get("text")
    if not isinstance(text, str):
        raise _invalid("messages", "The text of a part must be a string.")
    return text


def _checked(text: str) -> str:
    if problem := message_problem(text):
        raise _invalid("messages", problem)
    return text if text.strip() else ""
