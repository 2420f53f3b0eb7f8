"""Starting, stopping and waiting for turns."""

import asyncio
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.access import Claims, Viewer, load_viewer, require_confirmed
from chats.errors import ChatNotFound, Draining, MessageNotFound, ModerationAway
from chats.tree import MessageRow
from chats.turns.asking import Ask, Begun
from chats.turns.begin import begin, find_repeated
from chats.turns.engine import engine
from chats.turns.events import End
from chats.turns.following import follow
from chats.turns.placing import question_of
from chats.turns.store import request_stop
from chats.turns.stored import read_reply
from common.errors import Unavailable
from common.executor import database
from common.retrying import retry_conflicts
from llm.errors import ModerationUnavailable
from llm.moderation import moderation_enabled, moderator


async def start(claims: Claims, ask: Ask) -> Begun:
    """Record a turn and run it; the reply is made and stored whether or not anyone follows it.

    Raises what `begin` raises, and NotSignedIn, EmailNotConfirmed, ModerationAway, Draining.
    """
    if engine().draining:
        raise Draining(retry_after=5)
    blocked = await _moderate(claims, ask) if moderation_enabled() else ""
    return await database().write(record, claims, ask, blocked)


def record(claims: Claims, ask: Ask, blocked: str = "") -> Begun:
    """Check who asks, record the turn and hand it to the engine, all on one database thread."""
    viewer = load_viewer(claims)
    require_confirmed(viewer)
    begun = retry_conflicts(begin, viewer, ask, engine().name, blocked)
    if begun.prompt is not None:  # the recording is committed: from here on the turn runs, whoever listens
        engine().launch_threadsafe(begun)
    return begun


async def _moderate(claims: Claims, ask: Ask) -> str:
    """Return the category that a moderator objects to, or nothing."""
    text = await database().read(_unmoderated, claims, ask)
    if text is None:
        return ""
    try:
        verdict = await moderator().check(text)
    except ModerationUnavailable as error:
        if settings.MODERATION_FAIL_OPEN:
            return ""
        raise ModerationAway(retry_after=5) from error
    return ", ".join(verdict.categories)[:200] or "flagged" if verdict.flagged else ""


def _unmoderated(claims: Claims, ask: Ask) -> str | None:
    """Return the text to be checked, or None where the key names a turn that was recorded before."""
    viewer = load_viewer(claims)
    require_confirmed(viewer)
    if ask.key and find_repeated(viewer, ask, timezone.now()):
        return None
    _require_own(viewer, ask)
    question = question_of(ask.chat, None, ask)
    return question.content if question else ask.content


def _require_own(viewer: Viewer, ask: Ask) -> None:
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


def _mark_stopped(claims: Claims, chat_id: UUID) -> tuple[UUID, str] | None:
    _require_own(load_viewer(claims), Ask("send", chat_id))
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
