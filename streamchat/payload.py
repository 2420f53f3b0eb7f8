"""What a webhook says: the slash command that somebody sent, or the button pressed on our answer to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.conf import settings

from chats.services.client_ids import is_client_id
from common.errors import Invalid

CHANNEL = re.compile(r"[A-Za-z0-9_-]{1,100}:[A-Za-z0-9_!-]{1,150}")


@dataclass(frozen=True, slots=True)
class StreamCommand:
    """One `/gpt …`. `action` is the value of the button pressed, or nothing; `parent_id` names the thread, if any.

    `quoted_id` names the message that it answers to, if any.
    """

    name: str
    args: str
    cid: str
    parent_id: str
    quoted_id: str
    asker: str
    action: str
    delivery: str
    digest: str

    @property
    def text(self) -> str:
        """What the sender typed."""
        return f"/{self.name} {self.args}".rstrip()

    @property
    def provider(self) -> str:
        return str(settings.STREAM_COMMANDS[self.name])


def parse_command(data: Mapping[str, Any], body: bytes, webhook_id: str) -> StreamCommand | None:
    """Return the command in a webhook; None where it is none of ours or comes from the bot. Raises Invalid.

    The id is hashed, since it may have any length; without one the body stands for it.
    """
    message = data.get("message")
    if not isinstance(message, dict):
        raise _invalid("message", "This must be an object.")
    name = message.get("command")
    is_by_hand = message.get("ai_generated", False) is False  # what is anything else may be a bot's, and start a loop
    if not isinstance(name, str) or name not in settings.STREAM_COMMANDS or not is_by_hand:
        return None
    asker = _asker(data, message)
    if asker == settings.STREAM_BOT_ID:
        return None
    action, digest = _action(data), sha256(body).hexdigest()
    delivery = sha256(webhook_id.encode("utf-8", "surrogateescape")).hexdigest() if webhook_id else digest
    if action:  # pressing a button again says the same in the same words
        digest = sha256(f"{digest} {delivery}".encode()).hexdigest()
    parent, quoted = (_message_id(message, member) for member in ("parent_id", "quoted_message_id"))
    return StreamCommand(name, _args(message), _cid(message), parent, quoted, asker, action, delivery, digest)


@dataclass(frozen=True, slots=True)
class StopEvent:
    """Somebody pressed the button of Stream's UI kits that stops the bot; without `parent_id`, wherever it writes."""

    cid: str
    parent_id: str
    user: str


def parse_stop(data: Mapping[str, Any]) -> StopEvent | None:
    """Return what an event says that stops the bot, or None for anything else. Raises Invalid."""
    if data.get("type") != "ai_indicator.stop":
        return None
    return StopEvent(_cid(data), _message_id(data, "parent_id"), _asker(data, {}))


def _asker(data: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    for holder in (data, message):
        user = holder.get("user")
        if isinstance(user, dict) and isinstance(user.get("id"), str) and is_client_id(user["id"]):
            return str(user["id"])
    raise _invalid("user", "The id of the sender is missing.")


def _args(message: Mapping[str, Any]) -> str:
    args = message.get("args")
    return args.strip() if isinstance(args, str) else ""


def _cid(message: Mapping[str, Any]) -> str:
    cid = message.get("cid")
    if not isinstance(cid, str) or not CHANNEL.fullmatch(cid):
        raise _invalid("message.cid", "This is not the id of a channel.")
    return cid


def _message_id(message: Mapping[str, Any], member: str) -> str:
    found = message.get(member) or ""
    if not isinstance(found, str) or (found and not is_client_id(found)):
        raise _invalid(f"message.{member}", "This is not the id of a message.")
    return found


def _action(data: Mapping[str, Any]) -> str:
    form = data.get("form_data")
    action = form.get("action") if isinstance(form, dict) else None
    return action if isinstance(action, str) else ""


def _invalid(name: str, what: str) -> Invalid:
    return Invalid(errors={name: [what]})
