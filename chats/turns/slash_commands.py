"""Commands that a message may begin with: `/gpt` and `/gemini` choose the model of one turn, `/save` keeps a reply.

A message is stored and shown as it was typed; the provider gets it without its command. What is no command is text.
"""

import re
from typing import NamedTuple
from uuid import UUID

from chats.errors import NothingToSave
from chats.models import Role, State
from chats.signals import reply_saving
from chats.tree import COMMAND, WALK_SLACK, MessageRow, branch
from chats.turns.requests import TurnRequest
from common.errors import Invalid

VENDORS = {"gpt": "openai", "gemini": "gemini"}
_MODEL = re.compile(r"/(gpt|gemini)(?:\s+|$)", re.IGNORECASE)


class Command(NamedTuple):
    """What a message asks for beside its text."""

    model: str = ""
    saves: bool = False


NO_COMMAND = Command()


def command_of(ask: TurnRequest, text: str) -> Command:
    """Return the command in the text of a question; a prompt that was made elsewhere (`/v1`) has none.

    Raises Invalid for a model with nothing to ask it.
    """
    if not text.startswith("/") or ask.prompt is not None:
        return NO_COMMAND
    if found := _MODEL.match(text):
        if found.end() == len(text):
            words = f"Write a question after {found[0].strip()}."
            raise Invalid(words, errors={"content": [words]})
        return Command(model=VENDORS[found[1].lower()])
    return Command(saves=text.rstrip().lower() == "/save" and reply_saving.has_listeners())


def without_command(text: str) -> str:
    """Return what a provider is asked."""
    found = _MODEL.match(text) if text.startswith("/") else None
    return (text[found.end() :] if found else "") or text


def model_asked(ask: TurnRequest, command: Command) -> str:
    """Return the model that a turn asks for: what was typed, but whoever regenerates may name another."""
    new = ask.kind in ("send", "edit")
    return (command.model or ask.model) if new else (ask.model or command.model)


def save_last_reply(owner_id: int, chat_id: UUID, question: MessageRow, answer: MessageRow) -> None:
    """Have the reply before `/save` kept, and answer at once; raise NothingToSave where there is none with text."""
    reply = question.parent and _last_reply(chat_id, question.parent)
    if not reply:
        raise NothingToSave("There is no answer in this chat to save yet.")
    texts = [str(text) for _, text in reply_saving.send(Command, owner_id=owner_id, reply=reply)]
    answer.parts, answer.state, answer.reason = [("text", "\n\n".join(texts))], State.COMPLETE, COMMAND


def _last_reply(chat_id: UUID, leaf: UUID) -> MessageRow | None:
    for limit in (1, WALK_SLACK):
        for row in reversed(branch(chat_id, leaf, limit)):
            if row.role == Role.ASSISTANT and row.reason != COMMAND and row.content.strip():
                return row
    return None
