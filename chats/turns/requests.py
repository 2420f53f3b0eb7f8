"""What a door asks of the engine, and what the engine makes of it."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import orjson

from chats.tree import MessageRow, Part
from llm.catalog import Model
from llm.client.types import Prompt, PromptMessage


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """One request for a turn.

    `send` puts `content` after the reply `parent` (default: the end of the branch shown); `edit` puts it beside the
    question `message`; `regenerate` and `continue` make a sibling of the reply `message`.
    """

    kind: Literal["send", "edit", "regenerate", "continue"]
    chat: UUID
    content: str = ""
    message: UUID | None = None
    parent: UUID | None = None
    model: str = ""
    key: str = ""
    client_id: str = ""  # what the client calls the new question
    client_chat_id: str = ""  # what it calls a chat that is made on first use
    create: bool = False  # make the chat on first use
    earlier: tuple[PromptMessage, ...] = ()  # what a chat that is made begins with
    prompt: Prompt | None = None  # what to ask instead of the chat's own context
    remember_model: bool = False  # the model becomes the chat's

    def fingerprint(self) -> str:
        """Return the SHA-256 of what is asked: the same key with another fingerprint is a mistake of the client."""
        asked: list[Any] = [self.kind, self.chat, self.content, self.message, self.parent, self.model]
        if self.prompt is not None:
            asked.append(self.prompt)
        return hashlib.sha256(orjson.dumps(asked)).hexdigest()


@dataclass(slots=True)
class AcceptedTurn:
    """A recorded turn. `prompt` and `model` are None where nothing is to be run: repeated or blocked."""

    chat_id: UUID
    number: int
    question: MessageRow
    reply: MessageRow
    turn_id: int = 0
    epoch: int = 1
    model: Model | None = None
    prompt: Prompt | None = None
    kept: list[Part] = field(default_factory=list)  # text the reply begins with (`continue`)
