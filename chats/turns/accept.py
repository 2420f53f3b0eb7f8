"""The accepting transaction of a turn: chat locked, key, unfinished turn, question, reply, turn, head, quota."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.access import Viewer
from chats.changes import announce, change_entry
from chats.errors import ChatNotFound, KeyReused, TooManyTurns, TurnRunning
from chats.models import UNFINISHED, Change, Chat, State, Turn
from chats.rows import insert
from chats.services.assistants import beginning
from chats.tree import count_siblings
from chats.turns.attachments import file_ids, link_statement, part_of, title_source
from chats.turns.branching import LockedChat, Placement, place
from chats.turns.charging import asking_of, hold_for
from chats.turns.context import read_context
from chats.turns.ends import end_waiting
from chats.turns.engine import engine
from chats.turns.job import job_of, toolbox_for
from chats.turns.model_choice import choose_model, require_supported
from chats.turns.reads import read_turn
from chats.turns.requests import AcceptedTurn, EditRequest, SendRequest, SlashCommand, TurnJob, TurnRequest
from chats.turns.settings import settings_of
from chats.turns.slash_commands import parse, save_last_reply
from chats.turns.titles import title_from
from chats.turns.writes import UNENDED, hold_turn, insert_turn, move_head, running_turns
from common.sql import Statement, instant, is_postgresql, run_all, uuid_of, uuid_or_none
from files.services import claim_files
from llm.catalog import Model
from usage.allowance import Charge, daily_messages_left
from usage.attempts import Account
from usage.counters import CURRENT_DAY, count_on_day, counting, date_of
from usage.limits import HAS_LIMITS
from usage.models import Attempt
from usage.refusals import require_daily_messages


def accept_turn(viewer: Viewer, request: TurnRequest, owner: str, category: str = "") -> AcceptedTurn:
    """Record a turn, or find the one that the same key recorded before.

    `owner` names the process that will run it; `category` is what a moderator objected to. Raises ChatNotFound,
    AssistantNotFound, MessageNotFound, TurnRunning, TooManyTurns, KeyReused, UnknownModelName, ProviderMissing,
    Unsupported, QuotaExceeded, Invalid, FileNotFound, FileNotReady.
    """
    for looked_again in (False, True):
        try:
            with transaction.atomic():
                return _accept(viewer, request, owner, category, looked_again)
        except IntegrityError:  # a moment earlier: the same key in another chat, or another prompt in this one
            if looked_again:
                raise
    raise AssertionError("unreachable")


def _accept(viewer: Viewer, request: TurnRequest, owner: str, category: str, looked_again: bool) -> AcceptedTurn:
    now = timezone.now()
    chat = _lock_chat(viewer, request, now)
    request = replace(request, chat=chat.id)  # a client's own id may have named it
    if request.key and (repeated := find_repeated(viewer.id, request, now)):
        return repeated
    if chat.unfinished or looked_again:
        _supersede(chat)
    named = request.files if isinstance(request, SendRequest | EditRequest) else None
    files = claim_files(viewer.id, named) if named else []
    placed = place(chat, request, [part_of(file) for file in files], now)
    question, reply = placed.question, placed.reply
    command = request.command or parse(question.content)
    model, remembered = _choose(viewer, chat, request, command, placed, category)
    said = settings_of(chat.settings, request.settings, request.judged or {})
    own_prompt = request.prompt if isinstance(request, SendRequest) else None
    if model:
        params, tools = (own_prompt.params, own_prompt.tools) if own_prompt else (said.params, said.tools)
        require_supported(model, params, bool(tools))
    title = chat.title or title_from("" if command.saves else title_source(question.parts, command.text))
    turn = insert_turn(chat, placed, viewer, request, category, owner, now)
    *earlier, last = insert(chat.id, placed.new)
    for statement in earlier:  # each alone, since the driver lets no other thread run while it puts one together
        run_all([statement])
    entry = change_entry(viewer.id, Change.Kind.MESSAGE, chat.id, reply.id)
    statements = [last, entry, turn, move_head(chat, reply, title, remembered, now)]
    if question in placed.new and (ids := file_ids(question.parts)):
        statements.insert(0, link_statement(chat.id, question.id, ids))
    announce(viewer.id)
    job = None
    if model and reply.state == State.STREAMING:
        reads = read_context(chat.id, question.parent, said.context_turns)
        turn_id, charge, context = _record(statements, viewer, chat, reply.id, reads, now)
        no_tools = own_prompt or model.abilities.tools is False  # whoever gives all of a prompt asks for none
        toolbox = toolbox_for(viewer, chat.id, reply.id, () if no_tools else said.tools, request.can_ask)
        job = job_of(turn_id, charge, model, request, question, context, command, reply.parts, said, toolbox, files)
        if job.left_out:
            Turn.objects.filter(pk=turn_id).update(left_out=job.left_out)
        job = _hold(job, chat, now)
    else:
        run_all(statements)
    if not isinstance(request, SendRequest) or request.parent:  # what follows the head has no siblings
        count_siblings(chat.id, [question, reply])
    return AcceptedTurn(chat.id, chat.last_turn + 1, question, reply, job)


def _choose(
    viewer: Viewer, chat: LockedChat, request: TurnRequest, command: SlashCommand, placed: Placement, category: str
) -> tuple[Model | None, str]:
    """Return the model that answers, None where a command has, and the name of the one that the chat remembers."""
    reply = placed.reply
    if command.saves:
        save_last_reply(viewer.id, chat.id, placed.question, reply)
        return None, chat.model
    model, remembered = choose_model(viewer, request, command, chat.model)
    reply.model, reply.provider = model.id, model.provider
    if category:
        reply.state, reply.reason = State.BLOCKED, "moderation"
    return model, remembered


def _record(
    statements: list[Statement], viewer: Viewer, chat: LockedChat, reply: UUID, context: Statement, now: datetime
) -> tuple[int, Charge, list[Any]]:
    """Write the turn and read the context that it is run with; the usage row comes last in the lock order.

    Running turns are counted behind that row, which all turns of a user lock one after the other.
    """
    asking = asking_of(viewer)
    counted, running = counting(asking.subject, chat.day, now), running_turns(viewer.id)
    *_, turn, _, rows, mine, messages = run_all([*statements, counted, running, context])
    turn_id, day = turn[0][0], rows[0] if rows else count_on_day(asking.subject, now)
    require_daily_messages(asking.subject, day, now)
    if not rows:
        mine = run_all([running])[0]
    if viewer.session_id is not None and mine[0][0] > settings.TURNS_PER_USER:  # a signed hook has its own limits
        raise TooManyTurns(retry_after=5)
    if day[0] != chat.day:  # the first message of the day
        Turn.objects.filter(pk=turn_id).update(usage_day=day[0])
    account = Account(Attempt.Kind.REPLY, viewer.id, viewer.key_id, day[0], date_of(day[1]), chat.id, reply)
    return turn_id, Charge(account, asking, left=daily_messages_left(day)), messages


def _hold(job: TurnJob, chat: LockedChat, now: datetime) -> TurnJob:
    """Hold what the turn's first call may use, where anything bounds it; raise QuotaExceeded."""
    prompt = hold_for(job.charge, chat.has_limits, job.model, job.prompt, now, partial(hold_turn, job.turn_id))
    return job if prompt is job.prompt else replace(job, prompt=prompt)


def _lock_chat(viewer: Viewer, request: TurnRequest, now: datetime) -> LockedChat:
    chat = _select_chat(viewer, request, now)
    if chat is None and isinstance(request, SendRequest) and request.create:
        made = Chat(
            id=request.chat,
            client_id=request.client_chat_id or None,
            owner_id=viewer.id,
            created_at=now,
            updated_at=now,
            **(beginning(viewer.id, request.assistant) if request.assistant else {}),
        )
        Chat.objects.bulk_create([made], ignore_conflicts=True)
        chat = _select_chat(viewer, request, now)
    if chat is None:
        raise ChatNotFound()
    return chat


def _select_chat(viewer: Viewer, request: TurnRequest, now: datetime) -> LockedChat | None:
    lock = "FOR NO KEY UPDATE OF c" if is_postgresql() else ""
    name = request.client_chat_id if isinstance(request, SendRequest) else ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.id, c.title, c.model, c.head_id, c.last_number, c.last_turn, "
            f"(SELECT t.state FROM chats_turn t WHERE t.chat_id = c.id AND t.{UNENDED}), "
            f"{CURRENT_DAY}, {HAS_LIMITS}, c.settings "
            f"FROM chats_chat c WHERE c.{'client_id' if name else 'id'} = %s AND c.owner_id = %s {lock}",
            [f"user:{viewer.id}", "", instant(now), name or request.chat, viewer.id],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    id_, title, model, head, number, turn, running, day, limits, chosen = row
    return LockedChat(
        uuid_of(id_), title, model, uuid_or_none(head), number, turn, running, day, bool(limits), orjson.loads(chosen)
    )


def find_repeated(user_id: int, request: TurnRequest, now: datetime) -> AcceptedTurn | None:
    """Return the turn that this user's key recorded in the last 24 h; an older key is forgotten."""
    with_key = Turn.objects.filter(user_id=user_id, key=request.key)
    turn = with_key.only("chat_id", "number", "question_id", "reply_id", "fingerprint", "started_at").first()
    if turn is None:
        return None
    if turn.started_at < now - timedelta(hours=settings.IDEMPOTENCY_HOURS):
        with_key.update(key=None)
        return None
    name = request.client_chat_id if isinstance(request, SendRequest) else ""
    if name and Chat.objects.filter(pk=turn.chat_id, client_id=name).exists():
        request = replace(request, chat=turn.chat_id)  # by whatever id the door would have made it
    if turn.fingerprint != request.fingerprint():
        raise KeyReused()
    question, reply = read_turn(turn)
    return AcceptedTurn(turn.chat_id, turn.number, question, reply)


def _supersede(chat: LockedChat) -> None:
    """End a turn that waits, since something else is asked; refuse where one runs.

    Looks again under the lock; a turn that the first look missed violates `one_unfinished_turn_per_chat`.
    """
    found = Turn.objects.filter(chat_id=chat.id, state__in=UNFINISHED).values_list("pk", "epoch", "state", "reply_id")
    for id_, epoch, state, reply in found:
        if state == State.STREAMING:
            raise TurnRunning(extra={"reply": reply})
        if end_waiting(id_, epoch, State.STOPPED, "superseded"):
            transaction.on_commit(partial(engine().changed_threadsafe, reply))
