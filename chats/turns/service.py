"""Starting, stopping and waiting for turns."""

import asyncio
import logging
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.access import Claims, Viewer, load_viewer, require_confirmed
from chats.errors import ChatNotFound, Draining, MessageNotFound, ModerationAway
from chats.tree import MessageRow
from chats.turns.accept import begin, find_repeated
from chats.turns.branching import question_of
from chats.turns.engine import engine
from chats.turns.events import End
from chats.turns.follow import follow
from chats.turns.reads import read_reply
from chats.turns.requests import AcceptedTurn, TurnRequest
from chats.turns.slash_commands import command_of
from chats.turns.writes import request_stop
from common.errors import Unavailable
from common.executor import database
from common.retrying import retry_conflicts
from llm.errors import ModerationUnavailable
from llm.moderation import judge, moderation_enabled

logger = logging.getLogger("parley.turns")

# Somebody whose session is to be asked after, or somebody whom a door without sessions (a signed webhook) has let in.
Asker = Claims | Viewer


async def start(asker: Asker, ask: TurnRequest) -> AcceptedTurn:
    """Record a turn and run it; the reply is made and stored whether or not anyone follows it.

    Raises what `begin` raises, and NotSignedIn, EmailNotConfirmed, ModerationAway, Draining.
    """
    if engine().draining:
        raise Draining(retry_after=5)
    blocked = await _moderate(asker, ask) if moderation_enabled() else ""
    return await database().write(record, asker, ask, blocked)


def record(asker: Asker, ask: TurnRequest, blocked: str = "") -> AcceptedTurn:
    """Check who asks, record the turn and hand it to the engine, all on one database thread."""
    viewer = _let_in(asker)
    accepted = retry_conflicts(begin, viewer, ask, engine().name, blocked)
    if blocked:  # never the text
        logger.warning("turn %s of user %s was blocked by moderation: %s", accepted.turn_id, viewer.id, blocked)
    if accepted.prompt is not None:  # the recording is committed: from here on the turn runs, whoever listens
        transaction.on_commit(partial(engine().launch_threadsafe, accepted))
    return accepted


def _let_in(asker: Asker) -> Viewer:
    viewer = asker if isinstance(asker, Viewer) else load_viewer(asker)
    require_confirmed(viewer)
    return viewer


async def _moderate(asker: Asker, ask: TurnRequest) -> str:
    """Return the category that a moderator objects to, or nothing."""
    text = await database().read(_unmoderated, asker, ask)
    if text is None:
        return ""
    try:
        verdict = await judge(text)
    except ModerationUnavailable as error:
        if settings.MODERATION_FAIL_OPEN:
            return ""
        raise ModerationAway(retry_after=5) from error
    return ", ".join(verdict.categories)[:200] or "flagged" if verdict.flagged else ""


def _unmoderated(asker: Asker, ask: TurnRequest) -> str | None:
    """Return the text to be checked; None where the key names a turn recorded before, or no model is asked."""
    viewer = _let_in(asker)
    if ask.key and find_repeated(viewer, ask, timezone.now()):
        return None
    _require_own(viewer, ask)
    question = question_of(ask.chat, None, ask)
    text = question.content if question else ask.content
    return None if command_of(ask, text).saves else text


def _require_own(viewer: Viewer, ask: TurnRequest) -> None:
    """Refuse a foreign chat before its text goes anywhere; one that is yet to be made is nobody's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT owner_id FROM chats_chat WHERE id = %s", [ask.chat])
        row = cursor.fetchone()
    if row is None and ask.create:
        return
    if row is None or row[0] != viewer.id:
        raise ChatNotFound()


async def stop(claims: Claims, chat_id: UUID) -> MessageRow:
    """Stop the running reply of a chat and return the newest reply as stored; without one running, change nothing."""
    marked = await database().write(_mark_stopped, claims, chat_id)
    if marked is not None:
        engine().stop_threadsafe(*marked)
        await _end_of(chat_id, marked[0])
    found = await database().read(read_reply, chat_id, marked[0] if marked else None)
    if found is None:
        raise MessageNotFound("There is no reply in this chat.")
    return found.message


async def stop_reply(chat_id: UUID, reply_id: UUID) -> MessageRow:
    """Stop one reply and return it as stored; one that has ended stays as it is.

    Who may do so is for the caller to know. Raises MessageNotFound.
    """
    marked = await database().write(request_stop, chat_id, reply_id)
    if marked is not None:
        engine().stop_threadsafe(*marked)
        await _end_of(chat_id, reply_id)
    found = await database().read(read_reply, chat_id, reply_id)
    if found is None:
        raise MessageNotFound()
    return found.message


def _mark_stopped(claims: Claims, chat_id: UUID) -> tuple[UUID, str] | None:
    _require_own(load_viewer(claims), TurnRequest("send", chat_id))
    return request_stop(chat_id)


async def _end_of(chat_id: UUID, reply_id: UUID) -> None:
    """Wait for the end that follows a stop mark; a dead owner's turn is ended by the sweep after its lease."""
    try:
        async with asyncio.timeout(settings.LEASE_SECONDS + settings.SWEEP_SECONDS + 2):
            await wait_for(chat_id, reply_id)
    except TimeoutError as error:
        raise Unavailable("The reply did not stop in time; try again.", retry_after=2) from error


async def wait_for(chat_id: UUID, reply_id: UUID) -> MessageRow:
    """Return the reply once it has ended; raise ChatNotFound where it was deleted meanwhile."""
    async for event in follow(chat_id, reply_id):
        if isinstance(event, End):
            return event.message
    raise ChatNotFound()
