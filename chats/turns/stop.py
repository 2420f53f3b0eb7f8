"""Stopping a running reply: a durable mark, a word to whoever runs it, and the end that follows."""

import asyncio
from uuid import UUID

from django.conf import settings

from accounts.access import Claims, load_viewer
from chats.errors import MessageNotFound
from chats.rows import MessageRow
from chats.services.chats import require_chat
from chats.turns.ends import Marked, request_stop
from chats.turns.engine import engine
from chats.turns.reads import read_reply
from chats.turns.service import wait_for
from common.errors import Unavailable
from common.executor import database
from common.retrying import retry_conflicts


async def stop(claims: Claims, chat_id: UUID) -> MessageRow:
    """Stop the running reply of a chat and return the newest reply as stored; without one running, change nothing."""
    return await _stopped(chat_id, None, await database().write(_mark_stopped, claims, chat_id))


async def stop_reply(chat_id: UUID, reply_id: UUID) -> MessageRow:
    """Stop one reply and return it as stored; one that has ended stays as it is.

    Who may do so is for the caller to know. Raises MessageNotFound.
    """
    return await _stopped(chat_id, reply_id, await database().write(retry_conflicts, request_stop, chat_id, reply_id))


def _mark_stopped(claims: Claims, chat_id: UUID) -> Marked | None:
    require_chat(load_viewer(claims).id, chat_id)
    return retry_conflicts(request_stop, chat_id)


async def _stopped(chat_id: UUID, reply_id: UUID | None, marked: Marked | None) -> MessageRow:
    """Wake who runs the reply that was marked, and wait for its end."""
    if marked is not None:
        reply_id = marked.reply
        if marked.ended:
            engine().changed_threadsafe(reply_id)
        else:
            engine().stop_threadsafe(reply_id, marked.owner)
            await _end_of(chat_id, reply_id)
    found = await database().read(read_reply, chat_id, reply_id)
    if found is None:
        raise MessageNotFound("There is no such reply in this chat.")
    return found.message


async def _end_of(chat_id: UUID, reply_id: UUID) -> None:
    """Wait for the end that follows a stop mark; a dead owner's turn is ended by the sweep after its lease."""
    try:
        async with asyncio.timeout(settings.LEASE_SECONDS + settings.SWEEP_SECONDS + 2):
            await wait_for(chat_id, reply_id)
    except TimeoutError as error:
        raise Unavailable("The reply did not stop in time; try again.", retry_after=2) from error
