"""What a door asks of the engine, and what the engine makes of it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar
from uuid import UUID

import orjson

from chats.parts import Part
from chats.rows import MessageRow
from chats.turns.prompt_parts import Beside
from chats.turns.toolbox import OpenCall, Toolbox
from llm.catalog import Model
from llm.client.types import Prompt, PromptMessage, Usage
from usage.allowance import Charge


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """What a message asks for beside its text: another provider's model, or that the last reply be saved."""

    text: str  # what a provider is asked
    provider: str = ""
    saves: bool = False


def _aside(default: Any) -> Any:
    """Make a field that says how to do what is asked, not what: the fingerprint leaves it out."""
    return field(default=default, metadata={"aside": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRequest:
    """A turn in a chat; one class for each kind."""

    kind: ClassVar[str]
    chat: UUID
    model: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)  # over those of the chat, for this turn
    key: str = _aside("")
    remember_model: bool = _aside(False)  # the model becomes the chat's
    command: SlashCommand | None = _aside(None)  # None until the question is known
    can_ask: bool = _aside(False)  # whether the door can ask its user about a tool call
    judged: Mapping[str, Any] | None = _aside(None)  # settings as a moderator saw them, whatever becomes of the chat's

    def fingerprint(self) -> str:
        """Return the SHA-256 of what is asked with a key, else nothing; for a thread, since it reads all of it.

        The same key with another fingerprint is a mistake of the client.
        """
        if not self.key:
            return ""
        asked = {each.name: getattr(self, each.name) for each in fields(self) if "aside" not in each.metadata}
        prompt, said, files = asked.pop("prompt", None), asked.pop("settings"), asked.pop("files", None)
        rest = [each for each in (said, files) if each]
        digest = hashlib.sha256(orjson.dumps([self.kind, *asked.values(), *rest]))
        if prompt is not None:
            digest.update(orjson.dumps([prompt.model, prompt.system, prompt.params]))
            for message in prompt.messages:
                digest.update(orjson.dumps(message))
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRequest(TurnRequest):
    """Put a question after the reply `parent`, by default after the end of the branch shown."""

    kind: ClassVar[str] = "send"
    content: str
    files: tuple[UUID, ...] = ()
    parent: UUID | None = None
    prompt: Prompt | None = None  # what to ask instead of the chat's own context
    client_id: str = _aside("")  # what the client calls the question
    client_chat_id: str = _aside("")  # what it calls a chat that is made on first use
    create: bool = _aside(False)  # make the chat on first use
    assistant: UUID | None = _aside(None)  # whose settings a chat made begins with
    earlier: tuple[PromptMessage, ...] = _aside(())  # what a chat made begins with


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest(TurnRequest):
    """Put another question beside the question `message`."""

    kind: ClassVar[str] = "edit"
    message: UUID
    content: str
    files: tuple[UUID, ...] | None = None  # None: those that the question has
    client_id: str = _aside("")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegenerateRequest(TurnRequest):
    """Make another reply beside the reply `message`."""

    kind: ClassVar[str] = "regenerate"
    message: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinueRequest(TurnRequest):
    """Make a reply beside the reply `message` that begins with its text."""

    kind: ClassVar[str] = "continue"
    message: UUID


@dataclass(frozen=True, slots=True)
class Decided:
    """What a user has decided on the calls that a turn waited with, and what had been stored beside its reply."""

    allowed: list[OpenCall]
    refused: list[tuple[str, str]]  # (id, reason)
    beside: Beside


@dataclass(frozen=True, slots=True)
class TurnJob:
    """What a runner needs.

    `kept` is what the reply holds already, of which this turn's own begins at the offset `begins`; `resume` is stored
    where the turn has to wait, and the rest tells how far it had come before it did.
    """

    turn_id: int
    epoch: int
    charge: Charge
    model: Model
    prompt: Prompt
    kept: list[Part]
    begins: int = 0
    toolbox: Toolbox | None = None
    resume: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 0
    seconds: float = 0.0
    usage: Usage | None = None
    decided: Decided | None = None
    cost: int | None = None  # of what was done before a wait
    may_fall_back: bool = True
    left_out: int = 0  # turns of the context that there was no room for


@dataclass(frozen=True, slots=True)
class AcceptedTurn:
    """A recorded turn; without a job where nothing is to be run: repeated, blocked, or answered by a command."""

    chat_id: UUID
    number: int
    question: MessageRow
    reply: MessageRow
    job: TurnJob | None = None
    begins: int = 0  # where, in the reply, what is new to whoever asked begins
