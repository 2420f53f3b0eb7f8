"""What a follower of a reply is told."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from chats.rows import MessageRow

TURN_STEP = 10**9  # ids of events: turn number x 10^9 + offset after the event
END_OFFSET = TURN_STEP - 1


@dataclass(slots=True, frozen=True)
class Start:
    """The reply is being followed from its beginning or from a cursor; has no id."""

    chat: UUID
    question: UUID
    reply: UUID


@dataclass(slots=True)
class Delta:
    """A part, or some text of one, that belongs at offset `at` (code points over all parts).

    `encoded` caches one wire form.
    """

    seq: int
    at: int
    kind: str
    text: str
    encoded: bytes | None = None


@dataclass(slots=True, frozen=True)
class ToolInput:
    """Arguments of a call as far as they have been written; `at` is where this text of them begins. Has no id."""

    call: str
    name: str
    text: str
    at: int = 0


@dataclass(slots=True, frozen=True)
class Waiting:
    """The reply waits for somebody to decide on `calls` (as in a message's parts), until `expires_at`.

    `seq` is the last delta's: only an end has an id of its own.
    """

    seq: int
    at: int
    calls: list[dict[str, Any]]
    expires_at: datetime


@dataclass(slots=True)
class End:
    """The reply has reached its terminal state; `at` is its stored length. `encoded` caches one wire form."""

    seq: int
    at: int
    message: MessageRow
    encoded: bytes | None = field(default=None, compare=False)


@dataclass(slots=True, frozen=True)
class KeepAlive:
    """Nothing has come for a while."""


KEEP_ALIVE = KeepAlive()
TurnEvent = Start | Delta | ToolInput | Waiting | End | KeepAlive


def cursor_of(seq: int) -> tuple[int, int]:
    """Split an event id into turn number and offset."""
    return divmod(seq, TURN_STEP)
