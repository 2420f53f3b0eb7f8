"""Titles: the first words of a chat, and, where `TITLE_MODEL` is set, what a model makes of its first turn.

Nobody waits for the model.
"""

import asyncio
import logging
from contextlib import aclosing
from uuid import UUID

from django.conf import settings
from django.db import transaction

from chats.changes import log_change
from chats.models import Change, Chat, titled
from chats.rows import MessageRow
from chats.turns.single_call import single_call
from chats.turns.slash_commands import without_command
from chats.turns.titles import begins_with_thoughts, title_from, title_in
from common.executor import database
from llm.catalog import resolve
from llm.client.types import Prompt, PromptMessage, TextDelta
from llm.routing import stream
from llm.tokens import size_of
from usage.limits import Asking
from usage.models import Attempt

logger = logging.getLogger("parley.turns")

TASK = "Give this conversation a title of at most five words, in its own language. Answer with the title alone."
EXCERPT = 2_000  # characters of question and reply that the model is shown
ENOUGH, ENOUGH_THOUGHTS = 2_000, 20_000  # characters of an answer that are read, of one that thinks aloud
SECONDS = 20


def wants_title(number: int, reply: MessageRow) -> bool:
    """Tell whether a model is to make the title: after the first turn, where it has text."""
    return bool(settings.TITLE_MODEL) and number == 1 and bool(reply.content)


async def give_title(asking: Asking, chat_id: UUID, question: str, answer: str) -> None:
    """Replace the title made of the first words, unless somebody changed it; failures are only logged."""
    try:
        async with asyncio.timeout(SECONDS):
            question = without_command(question)
            if title := title_in(await _ask(asking, chat_id, question, answer)):
                await database().write(_store, chat_id, title_from(question), title)
    except Exception as error:
        logger.warning("no title for chat %s: %s", chat_id, type(error).__name__)


async def _ask(asking: Asking, chat_id: UUID, question: str, answer: str) -> str:
    model = resolve(settings.TITLE_MODEL)
    shown = f"{TASK}\n\nQuestion:\n{question[:EXCERPT]}\n\nAnswer:\n{answer[:EXCERPT]}"
    prompt = Prompt(model.id, TASK, (PromptMessage("user", shown),))
    text = ""
    async with (
        single_call(asking, Attempt.Kind.TITLE, model, prompt, chat_id) as call,
        aclosing(stream(model.provider, call.prompt, call.meter.begins)) as events,
    ):
        async for event in events:
            if isinstance(event, TextDelta):
                text += event.text
                call.size += size_of(event.text)
            if len(text) > (ENOUGH_THOUGHTS if begins_with_thoughts(text) else ENOUGH):
                break
    return text


@transaction.atomic
def _store(chat_id: UUID, first: str, title: str) -> None:
    unchanged = Chat.objects.filter(pk=chat_id, title=first, title_by_user=False).exclude(title=title)
    owner = unchanged.select_for_update().values_list("owner_id", flat=True).first()
    if owner is not None:
        Chat.objects.filter(pk=chat_id).update(**titled(title))
        log_change(owner, Change.Kind.CHAT, chat_id)
