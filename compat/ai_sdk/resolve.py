"""From what a `useChat` client wishes to what is asked of the engine. The stored chat is the truth."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from accounts.access import Claims, load_viewer
from chats import turns
from chats.errors import ChatNotFound, MessageExists, MessageNotFound
from chats.models import Role, State
from chats.rows import MessageRow
from chats.services.chats import require_chat
from chats.services.client_ids import as_uuid, find_chat, find_message, replies_to
from chats.tree import read_message
from chats.turns.reads import read_reply
from chats.wire.data_files import store_files
from common.errors import Invalid
from common.executor import database
from common.ids import uuid7
from compat.ai_sdk.submission import REGENERATE, SUBMIT, Answer, Submission


@dataclass(frozen=True, slots=True)
class ReplyRef:
    """A reply to be shown from its beginning, or, after a decision, from where what is new `begins`."""

    chat_id: UUID
    reply: MessageRow
    begins: int = 0


async def submit(claims: Claims, submission: Submission, key: str) -> ReplyRef:
    """Start the turn that is wished for, have one go on, or find the reply that the same message got before."""
    if submission.answer and submission.trigger == SUBMIT:
        return await _decide(claims, submission.chat, submission.answer)
    found = await database().read(resolve_submission, claims, submission, key)
    try:
        return found if isinstance(found, ReplyRef) else await _start(claims, found, submission)
    except MessageExists:  # the same request, a moment earlier
        found = await database().read(resolve_submission, claims, submission, key)
        return found if isinstance(found, ReplyRef) else await _start(claims, found, submission)


async def _start(claims: Claims, request: turns.TurnRequest, submission: Submission) -> ReplyRef:
    if isinstance(request, turns.SendRequest | turns.EditRequest):
        request = replace(request, files=await store_files(claims, submission.files))
    accepted = await turns.start(claims, request)
    return ReplyRef(accepted.chat_id, accepted.reply)


async def _decide(claims: Claims, name: str, answer: Answer) -> ReplyRef:
    """Record verdicts on a waiting reply; the engine judges them by what is stored."""
    chat_id, reply_id = await database().read(_find_reply, claims, name, answer.reply)
    accepted = await turns.decide(claims, chat_id, reply_id, answer.verdicts)
    return ReplyRef(chat_id, accepted.reply, accepted.begins)


def own_chat(claims: Claims, name: str) -> UUID:
    """Return the id of somebody's own chat; raise ChatNotFound."""
    chat_id = find_chat(load_viewer(claims).id, name)
    if chat_id is None:
        raise ChatNotFound()
    return chat_id


def _find_reply(claims: Claims, name: str, reply: str) -> tuple[UUID, UUID]:
    chat_id = own_chat(claims, name)
    known = find_message(chat_id, reply)
    if known is None:
        raise MessageNotFound()
    return chat_id, known.id


def resolve_submission(claims: Claims, submission: Submission, key: str) -> turns.TurnRequest | ReplyRef:
    """Return what to ask of the engine, or the reply that answers the submission already."""
    viewer = load_viewer(claims)
    chat_id = find_chat(viewer.id, submission.chat)
    if chat_id is None:
        return _first(submission, key)
    target = find_message(chat_id, submission.message_id) if submission.message_id else None
    known = target or (find_message(chat_id, submission.question_id) if submission.question_id else None)
    if submission.trigger == REGENERATE:
        return _again(chat_id, viewer.id, known, submission, key)
    if known is None:
        return _send(chat_id, submission, key)
    if known.role != Role.USER:
        raise Invalid("Only a user message can be sent or edited.")
    if target is None and known.content == submission.text:
        return _repeated(chat_id, known, submission, key)
    return _edit(chat_id, known.id, submission, key)


def _send(chat_id: UUID, submission: Submission, key: str, **values: Any) -> turns.TurnRequest:
    text, name = submission.text, submission.question_id
    return turns.SendRequest(chat=chat_id, content=text, client_id=name, **_common(submission, key), **values)


def _edit(chat_id: UUID, message_id: UUID, submission: Submission, key: str) -> turns.TurnRequest:
    name = submission.message_id or submission.question_id
    text, common = submission.text, _common(submission, key)
    return turns.EditRequest(chat=chat_id, message=message_id, content=text, client_id=name, **common)


def _regenerate(chat_id: UUID, reply_id: UUID, submission: Submission, key: str) -> turns.TurnRequest:
    return turns.RegenerateRequest(chat=chat_id, message=reply_id, **_common(submission, key))


def _common(submission: Submission, key: str) -> dict[str, Any]:
    values = {"model": submission.model, "settings": submission.settings}
    return {**values, "key": key, "can_ask": submission.approvals}


def _first(submission: Submission, key: str) -> turns.TurnRequest:
    """Ask for a chat to be made; a retry may be the first that is heard of one."""
    if not (submission.text or submission.files):
        raise MessageNotFound()
    if id_ := as_uuid(submission.chat):
        return _send(id_, submission, key, create=True)
    return _send(uuid7(), submission, key, create=True, client_chat_id=submission.chat)


def _again(
    chat_id: UUID, owner_id: int, known: MessageRow | None, submission: Submission, key: str
) -> turns.TurnRequest:
    """Ask for another reply: to the message named, else to the last question; one never stored is sent now."""
    if known is None and (submission.text or submission.files):
        return _send(chat_id, submission, key)
    if known is None:
        head = require_chat(owner_id, chat_id)
        known = read_message(chat_id, head) if head and not submission.message_id else None
    if known is None:
        raise MessageNotFound()
    if known.role == Role.ASSISTANT:
        return _regenerate(chat_id, known.id, submission, key)
    return _regenerate(chat_id, replies_to(known.id)[0], submission, key)


def _repeated(chat_id: UUID, question: MessageRow, submission: Submission, key: str) -> turns.TurnRequest | ReplyRef:
    """The same message again: show its newest reply; one without text is made anew."""
    newest = read_message(chat_id, replies_to(question.id)[-1])
    if newest and (newest.length or newest.state == State.STREAMING):
        return ReplyRef(chat_id, newest)
    return _regenerate(chat_id, replies_to(question.id)[0], submission, key)


def find_running(claims: Claims, name: str) -> ReplyRef | None:
    """Return the reply that is being made in a chat; None where there is no such reply or no such chat of theirs."""
    chat_id = find_chat(load_viewer(claims).id, name)
    found = read_reply(chat_id) if chat_id else None
    if chat_id is None or found is None or found.message.state != State.STREAMING:
        return None
    return ReplyRef(chat_id, found.message)
