"""Starting turns and waiting for them."""

import logging
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.access import Claims, Viewer, load_viewer, require_confirmed
from chats.errors import ChatNotFound, Draining
from chats.models import State
from chats.rows import MessageRow
from chats.services.assistants import beginning
from chats.services.chats import chat_owner, require_settings
from chats.turns.accept import accept_turn, find_repeated
from chats.turns.attachments import texts_of
from chats.turns.branching import question_of
from chats.turns.engine import engine
from chats.turns.events import End, Waiting
from chats.turns.follow import follow
from chats.turns.moderation import objection_to_any
from chats.turns.reads import read_reply
from chats.turns.requests import AcceptedTurn, SendRequest, TurnRequest
from chats.turns.slash_commands import parse
from common.executor import database
from common.retrying import retry_conflicts
from files.services import ready_files
from llm.moderation import moderation_enabled

logger = logging.getLogger("parley.turns")

# Somebody whose session is to be asked after, or somebody whom a door without sessions (a signed webhook) has let in.
Asker = Claims | Viewer


async def start(asker: Asker, request: TurnRequest) -> AcceptedTurn:
    """Record a turn and run it; the reply is made and stored whether or not anyone follows it.

    Raises what `accept` raises, and NotSignedIn, EmailNotConfirmed, ModerationAway, Draining.
    """
    if engine().draining:
        raise Draining(retry_after=5)
    category = ""
    if moderation_enabled() and (found := await database().read(_unmoderated, asker, request)):
        request, texts = found
        category = await objection_to_any(texts)
    return await database().write(accept, asker, request, category)


def accept(asker: Asker, request: TurnRequest, category: str = "") -> AcceptedTurn:
    """Check who asks, record the turn and hand it to the engine, all on one database thread."""
    viewer = _let_in(asker)
    accepted = retry_conflicts(accept_turn, viewer, request, engine().name, category)
    if category:  # never the text
        logger.warning("a turn of user %s was blocked by moderation: %s", viewer.id, category)
    if accepted.job is not None:  # once the recording is committed the turn runs, whoever listens
        # In this request's context, which the runner logs in: one commit may record the turns of many.
        transaction.on_commit(partial(copy_context().run, engine().launch_threadsafe, accepted))
    return accepted


def _let_in(asker: Asker) -> Viewer:
    viewer = asker if isinstance(asker, Viewer) else load_viewer(asker)
    require_confirmed(viewer)
    return viewer


async def is_repeated(asker: Asker, request: TurnRequest) -> bool:
    """Tell whether the key names a turn that was recorded before; raise KeyReused for one that asked otherwise."""
    return bool(request.key) and await database().read(_repeats, asker, request)


def _repeats(asker: Asker, request: TurnRequest) -> bool:
    return find_repeated(_let_in(asker).id, request, timezone.now()) is not None


def _unmoderated(asker: Asker, request: TurnRequest) -> tuple[TurnRequest, list[str]] | None:
    """Return what is to be checked: the user's own system text, the question, the text of its files; or None.

    There is no need where the key names a turn recorded before, or no model is asked.
    """
    viewer = _let_in(asker)
    if request.key and find_repeated(viewer.id, request, timezone.now()):
        return None
    system = {**_settings_of(viewer, request), **request.settings}.get("system")
    text, files = question_of(request)
    command = request.command or parse(text)
    if command.saves:
        return None
    texts = texts_of(ready_files(viewer.id, files)) if files else []
    return replace(request, command=command, judged={"system": system}), [*filter(None, [system, text]), *texts]


def _settings_of(viewer: Viewer, request: TurnRequest) -> dict[str, Any]:
    """Refuse a foreign chat before its text goes anywhere; one that is yet to be made is nobody's."""
    if isinstance(request, SendRequest) and request.create and chat_owner(request.chat) is None:
        return dict(beginning(viewer.id, request.assistant)["settings"]) if request.assistant else {}
    return require_settings(viewer.id, request.chat)


async def wait_for(chat_id: UUID, reply_id: UUID) -> MessageRow:
    """Return the reply once it has ended or waits for its user; raise ChatNotFound where it was deleted meanwhile."""
    async for event in follow(chat_id, reply_id):
        if isinstance(event, End):
            return event.message
        if isinstance(event, Waiting):
            found = await database().read(read_reply, chat_id, reply_id)
            if found and found.message.state != State.STREAMING:  # nobody was quicker with a decision
                return found.message
    raise ChatNotFound()
