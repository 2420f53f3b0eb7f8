"""Where a turn belongs in the tree: its question and its reply, beside or below what is there."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from chats.errors import MessageExists, MessageNotFound
from chats.models import Role, State
from chats.tree import MessageRow, read_message
from chats.turns.requests import TurnRequest
from common.errors import Invalid
from common.ids import uuid7


@dataclass(slots=True)
class LockedChat:
    id: UUID
    title: str
    model: str
    head: UUID | None
    last_number: int
    last_turn: int
    running: bool  # whether a turn ran when the lock was asked for
    day: int | None  # the owner's day in `usage`, where it is open


def place(chat: LockedChat, ask: TurnRequest, now: datetime) -> tuple[MessageRow, MessageRow]:
    """Return the question and the new reply where they belong in the tree; numbered where they are new."""
    question = question_of(chat.id, chat.head, ask)
    if question is None:
        parent = _parent(chat, ask)
        question = new_row(chat.last_number + 1, parent, Role.USER, now)
        question.parts = [("text", ask.content)]
        question.client_id = _client_id(chat, ask)
    reply = new_row(max(question.number, chat.last_number) + 1, question.id, Role.ASSISTANT, now)
    reply.state = State.STREAMING
    if ask.kind == "continue":
        reply.parts = require_message(chat.id, ask.message, Role.ASSISTANT).parts
        if not reply.parts:
            raise Invalid("There is no text to go on from; regenerate the reply instead.")
    return question, reply


def _client_id(chat: LockedChat, ask: TurnRequest) -> str | None:
    """Return the client's id for the new question; an edited question hands it over to its successor."""
    if not ask.client_id:
        return None
    with connection.cursor() as cursor:
        if ask.kind == "edit":
            cursor.execute(
                "UPDATE chats_message SET client_id = NULL WHERE chat_id = %s AND client_id = %s",
                [chat.id, ask.client_id],
            )
            return ask.client_id
        cursor.execute("SELECT 1 FROM chats_message WHERE chat_id = %s AND client_id = %s", [chat.id, ask.client_id])
        if cursor.fetchone():
            raise MessageExists()
    return ask.client_id


def question_of(chat_id: UUID, head: UUID | None, ask: TurnRequest) -> MessageRow | None:
    """Return the stored question that is answered anew, or None where the ask brings one."""
    if ask.kind in ("send", "edit"):
        return None
    reply = require_message(chat_id, ask.message, Role.ASSISTANT)
    return require_message(chat_id, reply.parent, Role.USER)


def _parent(chat: LockedChat, ask: TurnRequest) -> UUID | None:
    if ask.kind == "edit":
        return require_message(chat.id, ask.message, Role.USER).parent
    if ask.parent is None:
        return chat.head
    return require_message(chat.id, ask.parent, Role.ASSISTANT).id


def require_message(chat_id: UUID, message_id: UUID | None, role: str) -> MessageRow:
    row = read_message(chat_id, message_id) if message_id else None
    if row is None:
        raise MessageNotFound()
    if row.role != role:
        wanted = "a reply" if role == Role.ASSISTANT else "a question"
        raise Invalid(f"That message is not {wanted}.", errors={"message": [f"Give the id of {wanted}."]})
    return row


def new_row(number: int, parent: UUID | None, role: str, now: datetime) -> MessageRow:
    return MessageRow(uuid7(), number, None, parent, role, [], State.COMPLETE, "", "", "", None, None, now)
