"""Commands that a message may begin with: `/gpt` and `/gemini` choose the model of one turn, `/save` keeps a reply.

A message is stored and shown as it was typed; the provider gets it without its command. What is no command is text.
"""

import re
from uuid import UUID

from chats.errors import NothingToSave
from chats.models import COMMAND, Role, State
from chats.rows import MessageRow
from chats.signals import reply_saving
from chats.tree import WALK_SLACK, branch
from chats.turns.requests import SlashCommand
from common.errors import Invalid

PROVIDERS = {"gpt": "openai", "gemini": "gemini"}
_PROVIDER = re.compile(r"/(gpt|gemini)(?:\s+|$)", re.IGNORECASE)


def parse(text: str) -> SlashCommand:
    """Return what the text of a question asks for; raise Invalid for a model with nothing to ask it."""
    if not text.startswith("/"):
        return SlashCommand(text)
    if found := _PROVIDER.match(text):
        if found.end() == len(text):
            words = f"Write a question after {found[0].strip()}."
            raise Invalid(words, errors={"content": [words]})
        return SlashCommand(text[found.end() :], provider=PROVIDERS[found[1].lower()])
    return SlashCommand(text, saves=text.rstrip().lower() == "/save" and reply_saving.has_listeners())


def without_command(text: str) -> str:
    """Return what a provider is given of a question of the context."""
    found = _PROVIDER.match(text) if text.startswith("/") else None
    return (text[found.end() :] if found else "") or text


def save_last_reply(owner_id: int, chat_id: UUID, question: MessageRow, answer: MessageRow) -> None:
    """Have the reply before `/save` kept, and answer at once; raise NothingToSave where there is none with text."""
    reply = question.parent and _last_reply(chat_id, question.parent)
    if not reply:
        raise NothingToSave("There is no answer in this chat to save yet.")
    texts = [str(text) for _, text in reply_saving.send(SlashCommand, owner_id=owner_id, reply=reply)]
    answer.parts, answer.state, answer.reason = [("text", "\n\n".join(texts))], State.COMPLETE, COMMAND


def _last_reply(chat_id: UUID, leaf: UUID) -> MessageRow | None:
    for limit in (1, WALK_SLACK):
        for row in reversed(branch(chat_id, leaf, limit)):
            if row.role == Role.ASSISTANT and row.reason != COMMAND and row.content.strip():
                return row
    return None
