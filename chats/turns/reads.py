"""What the engine reads: where replies stand, and what is new in those that run elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from chats.models import UNFINISHED, State, Turn
from chats.parts import undecided
from chats.rows import ASIDE, MessageRow, columns, row_of
from chats.tree import count_siblings, read_message
from chats.turns.events import TURN_STEP, Waiting
from common.sql import instant_of, uuid_of


@dataclass(slots=True)
class Followed:
    """Where a reply stands: its turn, and the row with all stored text."""

    number: int
    question: UUID
    owner: str  # the process that runs it, or ran it
    epoch: int
    message: MessageRow
    waiting: Waiting | None = None


_TURN = "turn.number, turn.question_id, turn.lease_owner, turn.epoch, turn.lease_until"


def _followed(row: Sequence[Any]) -> Followed:
    number, question, owner, epoch, until, *message = row
    found = Followed(number, uuid_of(question), owner, epoch, row_of(message))
    if found.message.state == State.WAITING:
        at = found.message.length
        calls = undecided(found.message.parts)
        found.waiting = Waiting(number * TURN_STEP + at, at, calls, instant_of(until))
    return found


def _leave_decided_out(found: list[Followed]) -> None:
    """Take those calls from what replies wait for that have been decided on already."""
    waiting = [each for each in found if each.waiting]
    if not waiting:
        return
    marks = ", ".join(["%s"] * len(waiting))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT call FROM chats_toolcall JOIN chats_turn turn ON turn.id = turn_id "
            f"WHERE turn.reply_id IN ({marks}) AND approved IS NOT NULL",
            [each.message.id for each in waiting],
        )
        decided = {call for (call,) in cursor.fetchall()}
    for each in waiting:
        assert each.waiting is not None
        each.waiting.calls[:] = [call for call in each.waiting.calls if call["id"] not in decided]


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
            f"SELECT {_TURN}, {columns()} FROM chats_turn turn "
            f"JOIN chats_message m ON m.id = turn.reply_id WHERE turn.chat_id = %s {chosen} "
            "ORDER BY turn.number DESC LIMIT 1",
            [chat_id, *value],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    found = _followed(row)
    _leave_decided_out([found])
    count_siblings(chat_id, [found.message])
    return found


def read_turn(turn: Turn) -> tuple[MessageRow, MessageRow]:
    """Read the question and the reply of a turn."""
    question, reply = (read_message(turn.chat_id, id_) for id_ in (turn.question_id, turn.reply_id))
    assert question is not None, "a turn's foreign keys hold"
    assert reply is not None, "a turn's foreign keys hold"
    return question, reply


def waiting_for(chat_id: UUID, reply_id: UUID) -> Waiting | None:
    """Return what a reply waits for; None where it does not wait."""
    found = read_reply(chat_id, reply_id)
    return found.waiting if found else None


def read_replies(reply_ids: list[UUID]) -> dict[UUID, Followed]:
    """Read where many replies stand, their texts in one statement; siblings are counted where a reply has ended."""
    marks = ", ".join(["%s"] * len(reply_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_TURN}, {columns()} FROM chats_turn turn "
            f"JOIN chats_message m ON m.id = turn.reply_id WHERE turn.reply_id IN ({marks})",
            reply_ids,
        )
        found = [_followed(row) for row in cursor.fetchall()]
    _leave_decided_out(found)
    count_siblings(None, [item.message for item in found if item.message.state not in UNFINISHED])
    return {item.message.id: item for item in found}


@dataclass(slots=True)
class News:
    """What became of a followed reply: its turn's state and run, and the chunks that reach beyond a position."""

    state: str
    epoch: int
    chunks: list[tuple[int, str, str]] = field(default_factory=list)


def read_news(positions: dict[UUID, int]) -> dict[UUID, News]:
    """Read what is new in many running replies, each from a position on, in one statement."""
    marks = ", ".join(["(%s, %s)"] * len(positions))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH wanted (reply_id, position) AS (VALUES {marks}) "
            "SELECT t.reply_id, t.state, t.epoch, c.at, c.kind, c.text FROM wanted JOIN chats_turn t USING (reply_id) "
            "LEFT JOIN chats_chunk c ON c.message_id = t.reply_id AND t.state = 'streaming' "
            f"AND c.at < {ASIDE} AND c.at >= COALESCE("
            "(SELECT max(d.at) FROM chats_chunk d WHERE d.message_id = t.reply_id AND d.at <= wanted.position), 0) "
            "ORDER BY c.at",
            [value for pair in positions.items() for value in pair],
        )
        found: dict[UUID, News] = {}
        for reply_id, state, epoch, at, kind, text in cursor.fetchall():
            news = found.setdefault(uuid_of(reply_id), News(state, epoch))
            if at is not None:
                news.chunks.append((at, kind, text))
    return found
