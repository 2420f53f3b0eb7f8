"""The accepting transaction of a turn: chat locked, key, running turn, question, reply, turn, head, quota."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.access import Viewer
from chats.errors import (
    ChatNotFound,
    KeyReused,
    MessageExists,
    MessageNotFound,
    ProviderMissing,
    TurnRunning,
    UnknownModelName,
)
from chats.models import Role, State
from chats.titles import title_from
from chats.tree import MessageRow, context, count_siblings, layout_of, read_message
from chats.turns.asking import Ask, Begun
from chats.turns.store import lease_end
from common.errors import Invalid
from common.ids import uuid7
from common.sql import instant, is_postgresql, uuid_of, uuid_or_none
from llm.catalog import Model, resolve
from llm.errors import ProviderNotConfigured, UnknownModel
from llm.types import Prompt, PromptMessage
from usage.quota import charge

CONTINUE = "Continue your last answer exactly where it stops. Do not repeat any of it."


@dataclass(slots=True)
class LockedChat:
    id: UUID
    title: str
    model: str
    head: UUID | None
    last_number: int
    last_turn: int


def begin(viewer: Viewer, ask: Ask, owner: str, blocked: str = "") -> Begun:
    """Record a turn, or find the one that the same key recorded before.

    `owner` names the process that will run it; `blocked` is the category a moderator objected to. Raises ChatNotFound,
    MessageNotFound, TurnRunning, KeyReused, UnknownModelName, ProviderMissing, QuotaExceeded, Invalid.
    """
    try:
        with transaction.atomic():
            return _begin(viewer, ask, owner, blocked)
    except IntegrityError:  # the same key, in another chat, a moment earlier
        with transaction.atomic():
            return _begin(viewer, ask, owner, blocked)


def _begin(viewer: Viewer, ask: Ask, owner: str, blocked: str) -> Begun:
    now = timezone.now()
    chat = _lock_chat(viewer, ask, now)
    ask = replace(ask, chat=chat.id)  # a client's own id may have named it
    if ask.key and (repeated := find_repeated(viewer, ask, now)):
        return repeated
    _require_idle(chat)
    model = choose_model(ask.model, chat.model, viewer.preferred_model)
    if ask.earlier and chat.head is None:
        _import(chat, ask, now)
    question, reply = _place(chat, ask, now)
    reply.model, reply.provider = model.id, model.provider
    if blocked:
        reply.state, reply.reason = State.BLOCKED, "moderation"
    begun = Begun(chat.id, chat.last_turn + 1, question, reply, model=model, kept=reply.parts)
    _insert_messages(chat.id, [reply] if ask.kind in ("regenerate", "continue") else [question, reply])
    if ask.kind != "send" or ask.parent:  # what follows the head has no siblings
        count_siblings(chat.id, [question, reply])
    _insert_turn(begun, viewer, ask, owner, blocked, now)
    if not blocked:  # the usage row comes last in the lock order
        _charge(begun, viewer, now)
    _move_head(chat, begun, ask, now)
    if not blocked:
        begun.prompt = ask.prompt or build_prompt(
            chat.id, question, model, continued=bool(reply.parts), kept=reply.content
        )
    return begun


def _lock_chat(viewer: Viewer, ask: Ask, now: datetime) -> LockedChat:
    chat = _select_chat(viewer, ask)
    if chat is None and ask.create:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO chats_chat (id, client_id, owner_id, title, title_by_user, model, pinned, archived, "
                "last_number, last_turn, created_at, updated_at) VALUES (%s, %s, %s, '', %s, '', %s, %s, 0, 0, %s, %s) "
                "ON CONFLICT DO NOTHING",
                [ask.chat, ask.client_chat_id or None, viewer.id, False, False, False, instant(now), instant(now)],
            )
        chat = _select_chat(viewer, ask)
    if chat is None:
        raise ChatNotFound()
    return chat


def _select_chat(viewer: Viewer, ask: Ask) -> LockedChat | None:
    lock = "FOR NO KEY UPDATE" if is_postgresql() else ""
    column, name = ("client_id", ask.client_chat_id) if ask.client_chat_id else ("id", ask.chat)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, title, model, head_id, last_number, last_turn FROM chats_chat "
            f"WHERE {column} = %s AND owner_id = %s {lock}",
            [name, viewer.id],
        )
        row = cursor.fetchone()
    return LockedChat(uuid_of(row[0]), row[1], row[2], uuid_or_none(row[3]), row[4], row[5]) if row else None


def find_repeated(viewer: Viewer, ask: Ask, now: datetime) -> Begun | None:
    """Return the turn that this user's key recorded in the last 24 h; an older key is forgotten."""
    cutoff = instant(now - timedelta(hours=settings.IDEMPOTENCY_HOURS))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT chat_id, number, question_id, reply_id, fingerprint, started_at < %s FROM chats_turn "
            "WHERE user_id = %s AND key = %s",
            [cutoff, viewer.id, ask.key],
        )
        row = cursor.fetchone()
        if row and row[5]:
            cursor.execute("UPDATE chats_turn SET key = NULL WHERE user_id = %s AND key = %s", [viewer.id, ask.key])
    if not row or row[5]:
        return None
    if row[4] != ask.fingerprint():
        raise KeyReused()
    chat_id = uuid_of(row[0])
    question, reply = read_message(chat_id, uuid_of(row[2])), read_message(chat_id, uuid_of(row[3]))
    assert question is not None, "a turn's foreign keys hold"
    assert reply is not None, "a turn's foreign keys hold"
    return Begun(chat_id, row[1], question, reply)


def _require_idle(chat: LockedChat) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reply_id FROM chats_turn WHERE chat_id = %s AND state = 'streaming'", [chat.id])
        if row := cursor.fetchone():
            raise TurnRunning(extra={"reply": uuid_of(row[0])})


def choose_model(asked: str, chats: str, preferred: str) -> Model:
    """Return the model asked for, or the chat's, the user's or the default one, whichever is usable first."""
    if asked:
        try:
            return resolve(asked)
        except UnknownModel as error:
            raise UnknownModelName(errors={"model": ["There is no such model here."]}) from error
        except ProviderNotConfigured as error:
            raise ProviderMissing() from error
    for name in filter(None, (chats, preferred)):
        try:
            return resolve(name)
        except (UnknownModel, ProviderNotConfigured):
            continue
    try:
        return resolve(None)
    except (UnknownModel, ProviderNotConfigured) as error:
        raise ProviderMissing() from error


def _place(chat: LockedChat, ask: Ask, now: datetime) -> tuple[MessageRow, MessageRow]:
    """Return the question and the new reply where they belong in the tree; numbered where they are new."""
    question = question_of(chat.id, chat.head, ask)
    if question is None:
        parent = _parent(chat, ask)
        question = _new(chat.last_number + 1, parent, Role.USER, now)
        question.parts = [("text", ask.content)]
        question.client_id = _client_id(chat, ask)
    reply = _new(max(question.number, chat.last_number) + 1, question.id, Role.ASSISTANT, now)
    reply.state = State.STREAMING
    if ask.kind == "continue":
        reply.parts = _require(chat.id, ask.message, Role.ASSISTANT).parts
        if not reply.parts:
            raise Invalid("There is no text to go on from; regenerate the reply instead.")
    return question, reply


def _client_id(chat: LockedChat, ask: Ask) -> str | None:
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


def question_of(chat_id: UUID, head: UUID | None, ask: Ask) -> MessageRow | None:
    """Return the stored question that is answered anew, or None where the ask brings one."""
    if ask.kind in ("send", "edit"):
        return None
    reply = _require(chat_id, ask.message, Role.ASSISTANT)
    return _require(chat_id, reply.parent, Role.USER)


def _parent(chat: LockedChat, ask: Ask) -> UUID | None:
    if ask.kind == "edit":
        return _require(chat.id, ask.message, Role.USER).parent
    if ask.parent is None:
        return chat.head
    return _require(chat.id, ask.parent, Role.ASSISTANT).id


def _require(chat_id: UUID, message_id: UUID | None, role: str) -> MessageRow:
    row = read_message(chat_id, message_id) if message_id else None
    if row is None:
        raise MessageNotFound()
    if row.role != role:
        wanted = "a reply" if role == Role.ASSISTANT else "a question"
        raise Invalid(f"That message is not {wanted}.", errors={"message": [f"Give the id of {wanted}."]})
    return row


def _new(number: int, parent: UUID | None, role: str, now: datetime) -> MessageRow:
    return MessageRow(uuid7(), number, None, parent, role, [], State.COMPLETE, "", "", "", None, None, now)


def _import(chat: LockedChat, ask: Ask, now: datetime) -> None:
    """Begin a new chat with what its client says was said before."""
    rows = []
    for message in ask.earlier:
        row = _new(chat.last_number + 1, chat.head, Role(message.role), now)
        row.parts = [("text", message.text)]
        chat.head, chat.last_number = row.id, row.number
        rows.append(row)
    for start in range(0, len(rows), 100):
        _insert_messages(chat.id, rows[start : start + 100])


def _insert_messages(chat_id: UUID, rows: list[MessageRow]) -> None:
    marks = ", ".join([f"({', '.join(['%s'] * 14)})"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO chats_message (id, client_id, chat_id, number, parent_id, role, content, reasoning, layout, "
            f"state, reason, model, provider, created_at) VALUES {marks}",
            [value for row in rows for value in _values(chat_id, row)],
        )


def _values(chat_id: UUID, row: MessageRow) -> list[Any]:
    layout = layout_of(row.parts)
    return [
        row.id, row.client_id, chat_id, row.number, row.parent, row.role, row.content, row.reasoning,
        None if layout is None else orjson.dumps(layout).decode(), row.state, row.reason, row.model, row.provider,
        instant(row.created_at),
    ]  # fmt: skip


def _charge(begun: Begun, viewer: Viewer, now: datetime) -> None:
    day_id = charge(viewer.id, viewer.timezone, now)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE chats_turn SET usage_day = %s WHERE id = %s", [day_id, begun.turn_id])


def _insert_turn(begun: Begun, viewer: Viewer, ask: Ask, owner: str, blocked: str, now: datetime) -> None:
    at = instant(now)
    lease, ended = ("NULL", at) if blocked else (lease_end(), None)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO chats_turn (chat_id, number, user_id, question_id, reply_id, state, reason, category, key, "
            "fingerprint, lease_owner, lease_until, epoch, stop_requested, attempts, started_at, ended_at) "
            f"VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, {lease}, 1, %s, 0, %s, %s) RETURNING id",
            [
                begun.chat_id, begun.number, viewer.id, begun.question.id, begun.reply.id, begun.reply.state,
                begun.reply.reason, blocked, ask.key or None, ask.fingerprint() if ask.key else "", owner,
                False, at, ended,
            ],
        )  # fmt: skip
        begun.turn_id = cursor.fetchone()[0]


def _move_head(chat: LockedChat, begun: Begun, ask: Ask, now: datetime) -> None:
    title = chat.title or title_from(begun.question.content)
    model = begun.model.name if begun.model and ask.remember_model and ask.model else chat.model
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE chats_chat SET head_id = %s, last_number = %s, last_turn = %s, title = %s, model = %s, "
            "updated_at = %s WHERE id = %s",
            [begun.reply.id, begun.reply.number, begun.number, title, model, instant(now), chat.id],
        )


def build_prompt(chat_id: UUID, question: MessageRow, model: Model, continued: bool, kept: str) -> Prompt:
    """Return the system text, the last N turns of the branch, oldest first, and the question exactly once."""
    stored = context(chat_id, question.parent, settings.CONTEXT_TURNS)
    messages = [PromptMessage("assistant" if role == "assistant" else "user", text) for role, text in stored]
    messages.append(PromptMessage("user", question.content))
    if continued and kept:
        messages += [PromptMessage("assistant", kept), PromptMessage("user", CONTINUE)]
    return Prompt(model.id, settings.SYSTEM_PROMPT, tuple(messages))
