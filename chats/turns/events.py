"""What a follower of a reply is told."""

from dataclasses import dataclass
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
    """Text that belongs at offset `at` (code points over all parts). `encoded` caches one wire form."""

    seq: int
    at: int
    kind: str
    text: str
    encoded: bytes | None = None


@dataclass(slots=True, frozen=True)
class End:
    """The reply has reached its terminal state; `at` is its stored length."""

    seq: int
    at: int
    message: MessageRow


@dataclass(slots=True, frozen=True)
class KeepAlive:
    """Nothing has come for a while."""


KEEP_ALIVE = KeepAlive()
TurnEvent = Start | Delta | End | KeepAlive


def cursor_of(seq: int) -> tuple[int, int]:
    """Split an event id into turn number and offset."""
    return divmod(seq, TURN_STEP)
