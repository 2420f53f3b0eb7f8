"""The accepting transaction of a turn: chat locked, key, running turn, question, reply, turn, head, quota."""

from dataclasses import replace
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
    TurnRunning,
)
from chats.models import Role, State
from chats.tree import MessageRow, count_siblings, layout_of, read_message
from chats.turns.auto_title import title_from
from chats.turns.branching import LockedChat, new_row, place
from chats.turns.context import build_prompt, choose_model, context_of
from chats.turns.requests import AcceptedTurn, TurnRequest
from chats.turns.slash_commands import Command, command_of, model_asked, save_last_reply, without_command
from chats.turns.writes import lease_end
from common.sql import Statement, instant, is_postgresql, run_all, uuid_of, uuid_or_none
from llm.catalog import Model
from usage.quota import CURRENT_DAY, charge, counting, require_quota


def begin(viewer: Viewer, ask: TurnRequest, owner: str, blocked: str = "") -> AcceptedTurn:
    """Record a turn, or find the one that the same key recorded before.

    `owner` names the process that will run it; `blocked` is the category a moderator objected to. Raises ChatNotFound,
    MessageNotFound, TurnRunning, KeyReused, UnknownModelName, ProviderMissing, QuotaExceeded, Invalid.
    """
    try:
        with transaction.atomic():
            return _begin(viewer, ask, owner, blocked)
    except IntegrityError:  # a moment earlier: the same key in another chat, or another prompt in this one
        with transaction.atomic():
            return _begin(viewer, ask, owner, blocked, look_again=True)


def _begin(viewer: Viewer, ask: TurnRequest, owner: str, blocked: str, look_again: bool = False) -> AcceptedTurn:
    now = timezone.now()
    chat = _lock_chat(viewer, ask, now)
    ask = replace(ask, chat=chat.id)  # a client's own id may have named it
    if ask.key and (repeated := find_repeated(viewer, ask, now)):
        return repeated
    if chat.running or look_again:
        _require_idle(chat)
    if ask.earlier and chat.head is None:
        _import(chat, ask, now)
    question, reply = place(chat, ask, now)
    command = command_of(ask, question.content)
    accepted = AcceptedTurn(chat.id, chat.last_turn + 1, question, reply, kept=reply.parts)
    if command.saves:
        save_last_reply(viewer.id, chat.id, question, reply)
    else:
        _give_model(accepted, choose_model(model_asked(ask, command), chat.model, viewer.preferred_model), blocked)
    _store(chat, accepted, viewer, ask, command, owner, blocked, now)
    if ask.kind != "send" or ask.parent:  # what follows the head has no siblings
        count_siblings(chat.id, [question, reply])
    return accepted


def _store(
    chat: LockedChat,
    accepted: AcceptedTurn,
    viewer: Viewer,
    ask: TurnRequest,
    command: Command,
    owner: str,
    blocked: str,
    now: datetime,
) -> None:
    """Write the turn, and read what it is to be run with; the usage row comes last in the lock order."""
    runs = accepted.reply.state == State.STREAMING
    new = [accepted.reply] if ask.kind in ("regenerate", "continue") else [accepted.question, accepted.reply]
    statements = [
        _insert_messages(chat.id, new),
        _insert_turn(accepted, viewer, ask, owner, blocked, chat.day if runs else None, now),
        _move_head(chat, accepted, ask, command, now),
    ]
    if runs:
        statements.append(counting(viewer.id, chat.day, now))
        statements.append(context_of(chat.id, accepted.question.parent))
    _, turn, _, *read = run_all(statements)
    accepted.turn_id = turn[0][0]
    if runs:
        counted, context = read
        day_id = require_quota(counted[0], now) if counted else charge(viewer.id, viewer.timezone, now)
        if day_id != chat.day:  # the first message of the day
            run_all([("UPDATE chats_turn SET usage_day = %s WHERE id = %s", [day_id, accepted.turn_id])])
        accepted.prompt = build_prompt(accepted, ask.prompt, context)


def _give_model(accepted: AcceptedTurn, model: Model, blocked: str) -> None:
    accepted.model = model
    accepted.reply.model, accepted.reply.provider = model.id, model.provider
    if blocked:
        accepted.reply.state, accepted.reply.reason = State.BLOCKED, "moderation"


def _lock_chat(viewer: Viewer, ask: TurnRequest, now: datetime) -> LockedChat:
    chat = _select_chat(viewer, ask, now)
    if chat is None and ask.create:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO chats_chat (id, client_id, owner_id, title, title_by_user, model, pinned, archived, "
                "last_number, last_turn, created_at, updated_at) VALUES (%s, %s, %s, '', %s, '', %s, %s, 0, 0, %s, %s) "
                "ON CONFLICT DO NOTHING",
                [ask.chat, ask.client_chat_id or None, viewer.id, False, False, False, instant(now), instant(now)],
            )
        chat = _select_chat(viewer, ask, now)
    if chat is None:
        raise ChatNotFound()
    return chat


def _select_chat(viewer: Viewer, ask: TurnRequest, now: datetime) -> LockedChat | None:
    """Lock the chat. `running` and `day` are as of the statement's start, before it waited for the lock."""
    lock = "FOR NO KEY UPDATE OF c" if is_postgresql() else ""
    column, name = ("client_id", ask.client_chat_id) if ask.client_chat_id else ("id", ask.chat)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.id, c.title, c.model, c.head_id, c.last_number, c.last_turn, "
            "EXISTS (SELECT 1 FROM chats_turn t WHERE t.chat_id = c.id AND t.state = 'streaming'), "
            f"{CURRENT_DAY} FROM chats_chat c WHERE c.{column} = %s AND c.owner_id = %s {lock}",
            [viewer.id, instant(now), name, viewer.id],
        )
        row = cursor.fetchone()
    return LockedChat(uuid_of(row[0]), row[1], row[2], uuid_or_none(row[3]), *row[4:]) if row else None


def find_repeated(viewer: Viewer, ask: TurnRequest, now: datetime) -> AcceptedTurn | None:
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
    return AcceptedTurn(chat_id, row[1], question, reply)


def _require_idle(chat: LockedChat) -> None:
    """Look again under the lock; a turn that the first look missed violates `one_running_turn_per_chat`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reply_id FROM chats_turn WHERE chat_id = %s AND state = 'streaming'", [chat.id])
        if row := cursor.fetchone():
            raise TurnRunning(extra={"reply": uuid_of(row[0])})


def _import(chat: LockedChat, ask: TurnRequest, now: datetime) -> None:
    """Begin a new chat with what its client says was said before."""
    rows = []
    for message in ask.earlier:
        row = new_row(chat.last_number + 1, chat.head, Role(message.role), now)
        row.parts = [("text", message.text)]
        chat.head, chat.last_number = row.id, row.number
        rows.append(row)
    for start in range(0, len(rows), 100):
        run_all([_insert_messages(chat.id, rows[start : start + 100])])


def _insert_messages(chat_id: UUID, rows: list[MessageRow]) -> Statement:
    marks = ", ".join([f"({', '.join(['%s'] * 14)})"] * len(rows))
    return (
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


def _insert_turn(
    accepted: AcceptedTurn, viewer: Viewer, ask: TurnRequest, owner: str, blocked: str, day: int | None, now: datetime
) -> Statement:
    at = instant(now)
    lease, ended = (lease_end(), None) if accepted.reply.state == State.STREAMING else ("NULL", at)
    return (
        "INSERT INTO chats_turn (chat_id, number, user_id, question_id, reply_id, state, reason, category, key, "
        "fingerprint, usage_day, lease_owner, lease_until, epoch, stop_requested, attempts, started_at, ended_at) "
        f"VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, {lease}, 1, %s, 0, %s, %s) RETURNING id",
        [
            accepted.chat_id, accepted.number, viewer.id, accepted.question.id, accepted.reply.id, accepted.reply.state,
            accepted.reply.reason, blocked, ask.key or None, ask.fingerprint() if ask.key else "", day, owner,
            False, at, ended,
        ],
    )  # fmt: skip


def _move_head(
    chat: LockedChat, accepted: AcceptedTurn, ask: TurnRequest, command: Command, now: datetime
) -> Statement:
    title = chat.title or title_from("" if command.saves else without_command(accepted.question.content))
    remember = accepted.model and ask.remember_model and ask.model and model_asked(ask, command) == ask.model
    model = accepted.model.name if accepted.model and remember else chat.model
    return (
        "UPDATE chats_chat SET head_id = %s, last_number = %s, last_turn = %s, title = %s, model = %s, "
        "updated_at = %s WHERE id = %s",
        [accepted.reply.id, accepted.reply.number, accepted.number, title, model, instant(now), chat.id],
    )
