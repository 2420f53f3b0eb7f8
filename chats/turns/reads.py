"""What the engine reads: where replies stand, and what is new in those that run elsewhere."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from chats.models import State
from chats.rows import MessageRow, columns, row_of
from chats.tree import count_siblings
from common.sql import uuid_of


@dataclass(slots=True)
class Followed:
    """Where a reply stands: its turn, and the row with all stored text."""

    number: int
    question: UUID
    owner: str  # the process that runs it, or ran it
    message: MessageRow


class Place(NamedTuple):
    """Which reply a turn makes, and how far it is."""

    reply: UUID
    number: int
    state: str


def find_reply(chat_id: UUID, reply_id: UUID | None = None, number: int | None = None) -> Place | None:
    """Find a reply of a chat by its id, by its turn's number, or else the newest, without its text."""
    chosen, value = _choice(reply_id, number)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT turn.reply_id, turn.number, turn.state FROM chats_turn turn WHERE turn.chat_id = %s {chosen} "
            "ORDER BY turn.number DESC LIMIT 1",
            [chat_id, *value],
        )
        row = cursor.fetchone()
    return Place(uuid_of(row[0]), row[1], row[2]) if row else None


def _choice(reply_id: UUID | None, number: int | None) -> tuple[str, list[Any]]:
    if reply_id is not None:
        return "AND turn.reply_id = %s", [reply_id]
    return ("", []) if number is None else ("AND turn.number = %s", [number])


def read_reply(chat_id: UUID, reply_id: UUID | None = None, number: int | None = None) -> Followed | None:
    """Read a reply of a chat by its id, by its turn's number, or else the newest; its text in one statement."""
    chosen, value = _choice(reply_id, number)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT turn.number, turn.question_id, turn.lease_owner, {columns()} FROM chats_turn turn "
            f"JOIN chats_message m ON m.id = turn.reply_id WHERE turn.chat_id = %s {chosen} "
            "ORDER BY turn.number DESC LIMIT 1",
            [chat_id, *value],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    found = Followed(row[0], uuid_of(row[1]), row[2], row_of(row[3:]))
    count_siblings(chat_id, [found.message])
    return found


def read_replies(reply_ids: list[UUID]) -> dict[UUID, Followed]:
    """Read where many replies stand, their texts in one statement; siblings are counted where a reply has ended."""
    marks = ", ".join(["%s"] * len(reply_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT turn.number, turn.question_id, turn.lease_owner, {columns()} FROM chats_turn turn "
            f"JOIN chats_message m ON m.id = turn.reply_id WHERE turn.reply_id IN ({marks})",
            reply_ids,
        )
        found = [Followed(row[0], uuid_of(row[1]), row[2], row_of(row[3:])) for row in cursor.fetchall()]
    count_siblings(None, [item.message for item in found if item.message.state != State.STREAMING])
    return {item.message.id: item for item in found}


@dataclass(slots=True)
class News:
    """What became of a followed reply: whether it still runs, and the chunks that reach beyond a position."""

    running: bool
    chunks: list[tuple[int, str, str]] = field(default_factory=list)


def read_news(positions: dict[UUID, int]) -> dict[UUID, News]:
    """Read what is new in many running replies, each from a position on, in one statement."""
    marks = ", ".join(["(%s, %s)"] * len(positions))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH wanted (reply_id, position) AS (VALUES {marks}) "
            "SELECT t.reply_id, t.state, c.at, c.kind, c.text FROM wanted JOIN chats_turn t USING (reply_id) "
            "LEFT JOIN chats_chunk c ON c.message_id = t.reply_id AND t.state = 'streaming' AND c.at >= COALESCE("
            "(SELECT max(d.at) FROM chats_chunk d WHERE d.message_id = t.reply_id AND d.at <= wanted.position), 0) "
            "ORDER BY c.at",
            [value for pair in positions.items() for value in pair],
        )
        found: dict[UUID, News] = {}
        for reply_id, state, at, kind, text in cursor.fetchall():
            news = found.setdefault(uuid_of(reply_id), News(state == State.STREAMING))
            if at is not None:
                news.chunks.append((at, kind, text))
    return found
