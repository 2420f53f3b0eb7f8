"""A user's word on the tool calls that a turn waits with: recorded, and once all have it the turn goes on.

What is judged is what is stored; nothing that a client says of a call but its id and the verdict counts.
"""

import logging
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.access import Claims, Viewer, ended_sessions, hold_session, load_viewer, require_confirmed
from chats.changes import log_change
from chats.errors import (
    AlreadyDecided,
    CallNotFound,
    ChatNotFound,
    Draining,
    MessageNotFound,
    NotWaiting,
    ReasonBlocked,
    TooManyTurns,
)
from chats.models import Change, Chunk, State, ToolCall, ToolGrant, Turn
from chats.parts import DECISION, TOOL_CALL, json_text
from chats.rows import ASIDE, MessageRow
from chats.tree import read_message
from chats.turns.charging import asking_of, hold_for
from chats.turns.engine import engine
from chats.turns.job import job_of_waiting
from chats.turns.moderation import objection_to
from chats.turns.prompt_parts import beside_of
from chats.turns.reads import read_turn
from chats.turns.requests import AcceptedTurn, Decided
from chats.turns.toolbox import OpenCall
from chats.turns.writes import hold_turn, lock_chat, resume_turn, running_turns
from common.executor import database
from common.retrying import retry_conflicts
from common.sql import run_all
from llm.moderation import moderation_enabled
from usage.allowance import Charge
from usage.attempts import Account
from usage.counters import current_day, locking
from usage.limits import HAS_LIMITS
from usage.models import Attempt

logger = logging.getLogger("parley.turns")


@dataclass(frozen=True, slots=True)
class Approval:
    """What a user says of one call; `remember` allows its tool in this chat from now on."""

    call: str
    approved: bool
    reason: str = ""
    remember: bool = False


async def decide(claims: Claims, chat_id: UUID, reply_id: UUID, verdicts: Sequence[Approval]) -> AcceptedTurn:
    """Record verdicts; where they are the last ones the turn goes on. The same again changes nothing.

    Until then the reply returned is `waiting`. Raises ChatNotFound, MessageNotFound, CallNotFound, AlreadyDecided,
    NotWaiting, Draining, ReasonBlocked, ModerationAway, QuotaExceeded, TooManyTurns, and what choosing a model raises:
    the turn still waits then.
    """
    if engine().draining:
        raise Draining(retry_after=5)
    if moderation_enabled():
        await _require_harmless(claims, chat_id, reply_id, verdicts)
    return await database().write(retry_conflicts, _decide, claims, chat_id, reply_id, verdicts)


async def _require_harmless(claims: Claims, chat_id: UUID, reply_id: UUID, verdicts: Sequence[Approval]) -> None:
    """Refuse reasons that a moderator objects to: a model is told them as it is told a question."""
    reasons = "\n\n".join(verdict.reason for verdict in verdicts if verdict.reason)
    if not reasons or not await database().read(_may_say, claims, chat_id, reply_id):
        return
    if category := await objection_to(reasons):
        logger.warning("a reason of user %s was blocked by moderation: %s", claims.user_id, category)
        raise ReasonBlocked()


def _may_say(claims: Claims, chat_id: UUID, reply_id: UUID) -> bool:
    """Tell whether a reply waits for this user; nobody else's text goes to a moderator."""
    viewer = load_viewer(claims)
    require_confirmed(viewer)
    return Turn.objects.filter(
        chat_id=chat_id, chat__owner_id=viewer.id, reply_id=reply_id, state=State.WAITING
    ).exists()


def approvals_on(reply_id: UUID) -> list[Approval]:
    """Return what has been said so far of the calls that a reply waits with."""
    said = ToolCall.objects.filter(turn__reply_id=reply_id, approved__isnull=False).order_by("call")
    values = said.values_list("call", "approved", "reason")
    return [Approval(call, bool(approved), reason) for call, approved, reason in values]


@transaction.atomic
def _decide(claims: Claims, chat_id: UUID, reply_id: UUID, verdicts: Sequence[Approval]) -> AcceptedTurn:
    viewer = load_viewer(claims)
    require_confirmed(viewer)
    turn = _lock_turn(viewer, chat_id, reply_id)
    hold_session(claims)
    calls = {row.call: row for row in ToolCall.objects.filter(turn=turn).order_by("call")}
    if turn.state == State.WAITING:
        _take_back(turn, calls)
    news = _record(claims, turn, calls, verdicts)
    if turn.state == State.WAITING and news and all(row.approved is not None for row in calls.values()):
        return _resume(viewer, turn, calls)
    if turn.state == State.WAITING and news:
        transaction.on_commit(partial(engine().changed_threadsafe, reply_id))
    question, reply = read_turn(turn)
    return AcceptedTurn(chat_id, turn.number, question, reply, begins=_decided_at(reply, verdicts))


def _decided_at(reply: MessageRow, verdicts: Sequence[Approval]) -> int:
    """Return where the decision on a call stands in a reply that has gone on; else its end, where it waits."""
    asked, at = {verdict.call for verdict in verdicts}, 0
    for kind, text in reply.parts:
        if kind == DECISION and asked & {call["id"] for call in orjson.loads(text)["calls"]}:
            break
        at += len(text)
    return at


def _lock_turn(viewer: Viewer, chat_id: UUID, reply_id: UUID) -> Turn:
    owner = run_all([lock_chat(chat_id)])[0]
    if not owner or owner[0][0] != viewer.id:
        raise ChatNotFound()
    turn = Turn.objects.select_for_update(no_key=True).filter(chat_id=chat_id, reply_id=reply_id).first()
    if turn is None:
        raise MessageNotFound()
    return turn


def _take_back(turn: Turn, calls: Mapping[str, ToolCall]) -> None:
    """Ask again for what a session has allowed, of several calls, that has ended since."""
    allowed = [row for row in calls.values() if row.approved and row.epoch == turn.epoch and row.session]
    ended = ended_sessions({row.session for row in allowed if row.session})
    for row in (each for each in allowed if each.session in ended):
        row.approved = None
        ToolCall.objects.filter(turn=turn, call=row.call).update(approved=None)


def _record(claims: Claims, turn: Turn, calls: Mapping[str, ToolCall], verdicts: Sequence[Approval]) -> bool:
    """Write down what is new; tell whether anything is."""
    news = False
    for verdict in verdicts:
        row = calls.get(verdict.call)
        if row is None:
            raise CallNotFound()
        if row.approved is not None:
            if row.approved is not verdict.approved:
                raise AlreadyDecided()
            continue
        if turn.state != State.WAITING:
            if not verdict.approved:  # as it was ended: denied
                continue
            raise NotWaiting()
        row.approved, row.reason, news = verdict.approved, verdict.reason, True
        said = {"approved": row.approved, "reason": row.reason, "session": claims.session_id}
        ToolCall.objects.filter(turn=turn, call=row.call).update(**said)
        if verdict.approved and verdict.remember:
            ToolGrant.objects.bulk_create([ToolGrant(chat_id=turn.chat_id, tool=row.tool)], ignore_conflicts=True)
    return news


def _resume(viewer: Viewer, turn: Turn, calls: Mapping[str, ToolCall]) -> AcceptedTurn:
    """Have the turn go on as its next run: a decision is told to readers as a part of the reply."""
    stored = read_message(turn.chat_id, turn.reply_id)
    assert stored is not None, "a turn's foreign keys hold"
    now = [row for row in calls.values() if row.epoch == turn.epoch]
    decision = json_text({"calls": [{"id": row.call, "approved": row.approved} for row in now]})
    asking, at = asking_of(viewer), timezone.now()
    day_id, day = current_day(asking.subject, at)
    epoch = resume_turn(turn.pk, turn.epoch, engine().name, day_id)
    if epoch is None:
        raise NotWaiting("Nobody decided in time; ask again.")
    Chunk.objects.create(message_id=turn.reply_id, at=stored.length, kind=DECISION, text=decision)
    log_change(viewer.id, Change.Kind.MESSAGE, turn.chat_id, turn.reply_id)
    question, reply = read_turn(turn)
    account = Account(Attempt.Kind.REPLY, viewer.id, turn.api_key, day_id, day, turn.chat_id, turn.reply_id)
    charge = Charge(account, replace(asking, key_id=turn.api_key))
    job = job_of_waiting(viewer, turn, epoch, charge, question, reply, _decided(stored, now))
    has_limits = _require_room(viewer, day_id)
    note = partial(hold_turn, turn.pk)
    job = replace(job, prompt=hold_for(charge, has_limits, job.model, job.prompt, at, note, messages=0))
    accepted = AcceptedTurn(turn.chat_id, turn.number, question, reply, job, begins=stored.length)
    transaction.on_commit(partial(copy_context().run, _launch, accepted))
    return accepted


def _require_room(viewer: Viewer, day: int) -> bool:
    """Refuse where too many turns of the user run, this one included; all of them lock the day's row in turn.

    Returns whether anybody's use is bounded.
    """
    _, running, limits = run_all([locking(day), running_turns(viewer.id), (f"SELECT {HAS_LIMITS}", [])])
    if running[0][0] > settings.TURNS_PER_USER:
        raise TooManyTurns(retry_after=5)
    return bool(limits[0][0])


def _launch(accepted: AcceptedTurn) -> None:
    engine().launch_threadsafe(accepted)
    engine().changed_threadsafe(accepted.reply.id)


def _decided(reply: MessageRow, rows: Sequence[ToolCall]) -> Decided:
    """Return what is to be carried out, with the arguments that were shown, and what is not."""
    asked = {call["id"]: call for call in (orjson.loads(text) for kind, text in reply.parts if kind == TOOL_CALL)}
    allowed = [_open_call(asked[row.call]) for row in rows if row.approved]
    refused = [(row.call, row.reason) for row in rows if not row.approved]
    chunks = Chunk.objects.filter(message_id=reply.id, at__gte=ASIDE).values_list("at", "kind", "text")
    return Decided(allowed, refused, beside_of(list(chunks)))


def _open_call(call: Mapping[str, Any]) -> OpenCall:
    given = call["input"]
    arguments = given if isinstance(given, str) else json_text(given)
    return OpenCall(call["id"], call["name"], arguments, asks=False)
