"""Where a turn belongs in the tree: its question and its reply, beside or below what is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chats.errors import MessageExists, MessageNotFound
from chats.models import Message, Role, State
from chats.parts import FILE, Part
from chats.rows import MessageRow
from chats.tree import read_message
from chats.turns.attachments import file_ids
from chats.turns.requests import ContinueRequest, EditRequest, SendRequest, TurnRequest
from common.errors import Invalid
from common.ids import uuid7


@dataclass(slots=True)
class LockedChat:
    """A chat under its row lock; `unfinished` and `day` are as of the moment when the lock was asked for."""

    id: UUID
    title: str
    model: str
    head: UUID | None
    last_number: int
    last_turn: int
    unfinished: str | None  # the state of the turn that has not ended
    day: int | None  # the owner's counter of the day in `usage`, where it is open
    has_limits: bool  # whether anybody's use is bounded
    settings: Mapping[str, Any]


@dataclass(slots=True)
class Placement:
    """A question and the reply to be made for it; `new` are the rows that are yet to be stored, in order."""

    question: MessageRow
    reply: MessageRow
    new: list[MessageRow]


def place(chat: LockedChat, request: TurnRequest, files: list[Part], now: datetime) -> Placement:
    """Return where a turn belongs in the tree, its new messages numbered; `files` are parts of a new question."""
    target, new = _target(chat.id, request), list[MessageRow]()
    if isinstance(request, SendRequest) and chat.head is None:
        new += _earlier(chat, request, now)
    if isinstance(request, SendRequest | EditRequest):
        question = _new_question(chat, request, target, new[-1].id if new else chat.head, now)
        question.number += len(new)
        question.parts = [*(files or _kept_files(request, target)), *question.parts]
        new.append(question)
    else:
        question = stored_question(chat.id, target)
    reply = _new_row(chat.last_number + len(new) + 1, question.id, Role.ASSISTANT, now)
    reply.state = State.STREAMING
    if isinstance(request, ContinueRequest) and target is not None:
        reply.parts, reply.reasoning_seconds = target.parts, target.reasoning_seconds
        if not reply.parts:
            raise Invalid("There is no text to go on from; regenerate the reply instead.")
    return Placement(question, reply, [*new, reply])


def _target(chat_id: UUID, request: TurnRequest) -> MessageRow | None:
    """Return the message that a request names: a question to edit, else a reply."""
    if isinstance(request, EditRequest):
        return _require_message(chat_id, request.message, Role.USER)
    named = request.parent if isinstance(request, SendRequest) else getattr(request, "message", None)
    return _require_message(chat_id, named, Role.ASSISTANT) if named else None


def stored_question(chat_id: UUID, reply: MessageRow | None) -> MessageRow:
    """Return the question that a reply answers."""
    return _require_message(chat_id, reply.parent if reply else None, Role.USER)


def question_of(request: TurnRequest) -> tuple[str, list[UUID]]:
    """Return the text that a request asks, typed or stored, and its files."""
    if isinstance(request, SendRequest | EditRequest) and request.files is not None:
        return request.content, list(request.files)
    target = _target(request.chat, request)
    if isinstance(request, EditRequest):
        return request.content, file_ids(target.parts if target else [])
    question = stored_question(request.chat, target)
    return question.content, file_ids(question.parts)


def _new_question(
    chat: LockedChat, request: SendRequest | EditRequest, target: MessageRow | None, end: UUID | None, now: datetime
) -> MessageRow:
    """Return the question below the reply named, else below the end; an edited one stands beside its original."""
    beside = isinstance(request, EditRequest)
    parent = (target.parent if beside else target.id) if target else end
    question = _new_row(chat.last_number + 1, parent, Role.USER, now)
    question.parts = [("text", request.content)] if request.content else []
    if request.client_id:
        _free_client_id(chat.id, request)
        question.client_id = request.client_id
    return question


def _kept_files(request: SendRequest | EditRequest, target: MessageRow | None) -> list[Part]:
    """Return the files of a question that is asked in other words."""
    if isinstance(request, SendRequest) or request.files is not None or target is None:
        return []
    return [(kind, text) for kind, text in target.parts if kind == FILE]


def _free_client_id(chat_id: UUID, request: SendRequest | EditRequest) -> None:
    """See that the client's id for a new question is nobody's; an edited question hands it over to its successor."""
    holder = Message.objects.filter(chat_id=chat_id, client_id=request.client_id)
    if isinstance(request, EditRequest):
        holder.update(client_id=None)
    elif holder.exists():
        raise MessageExists()


def _require_message(chat_id: UUID, message_id: UUID | None, role: str) -> MessageRow:
    row = read_message(chat_id, message_id) if message_id else None
    if row is None:
        raise MessageNotFound()
    if row.role != role:
        wanted = "a reply" if role == Role.ASSISTANT else "a question"
        raise Invalid(f"That message is not {wanted}.", errors={"message": [f"Give the id of {wanted}."]})
    return row


def _earlier(chat: LockedChat, request: SendRequest, now: datetime) -> list[MessageRow]:
    """Return what a client says was said before in a chat that it begins."""
    rows: list[MessageRow] = []
    for number, message in enumerate(request.earlier, start=chat.last_number + 1):
        row = _new_row(number, rows[-1].id if rows else None, Role(message.role), now)
        row.parts = [("text", message.text)]
        rows.append(row)
    return rows


def _new_row(number: int, parent: UUID | None, role: str, now: datetime) -> MessageRow:
    return MessageRow(id=uuid7(), number=number, parent=parent, role=role, state=State.COMPLETE, created_at=now)
