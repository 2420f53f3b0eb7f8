"""Asking a model without storing a word: moderation, quota, limits and accounting as for every turn, nothing else.

There is no turn and no reply, so there is nothing to come back to: whoever stops reading stops the provider.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.access import Viewer, require_confirmed
from chats.errors import Draining, ReplyBlocked, ReplyFailed, ReplyInterrupted
from chats.models import State
from chats.turns.engine import engine
from chats.turns.limits import Clock, Intake, failure_for, outcome_for
from chats.turns.moderation import objection_to
from common.executor import database
from common.retrying import retry_conflicts
from llm.catalog import Model
from llm.client.errors import ProviderError
from llm.client.types import Finished, Prompt, ProviderEvent, ReasoningDelta, SpokenEvent, TextDelta
from llm.moderation import moderation_enabled
from llm.routing import stream
from usage.quota import charge, settle

logger = logging.getLogger("parley.turns")

MODERATED_CHARS = 2**19  # that the moderator is asked about at once


async def ask_stateless(viewer: Viewer, model: Model, prompt: Prompt) -> AsyncGenerator[SpokenEvent | None, None]:
    """Yield the reply of a model, None now and then while nothing comes, `Finished` at its end.

    Raises EmailNotConfirmed, Draining, ModerationAway, QuotaExceeded, and a ReplyFailed of every kind. Closing the
    generator closes the provider's connection.
    """
    require_confirmed(viewer)
    if engine().draining:
        raise Draining(retry_after=5)
    await require_harmless(prompt)
    day_id = await database().write(retry_conflicts, _charge, viewer)
    reply = StatelessReply()
    try:
        async with aclosing(reply.events(model.provider, replace(prompt, model=model.id))) as events:
            async for event in events:
                yield event
    except ProviderError as error:
        logger.warning("stateless reply: %s from %s: %s", error.code, error.provider, error)
        raise _failure(error) from error
    finally:
        await database().write(retry_conflicts, settle, day_id, reply.tokens, reply.length == 0)


async def require_harmless(prompt: Prompt) -> None:
    """Have all text of a prompt checked, where prompts are checked; raise ReplyBlocked or ModerationAway."""
    if not moderation_enabled():
        return
    for text in _portions(prompt):
        if category := await objection_to(text):
            logger.warning("stateless prompt was blocked by moderation: %s", category)
            raise ReplyBlocked()


def _portions(prompt: Prompt) -> Iterator[str]:
    """Join the texts of a prompt, of a long one only so many at once: a moderator's client encodes them on the loop."""
    texts, room = list[str](), MODERATED_CHARS
    for text in filter(None, [prompt.system, *(message.text for message in prompt.messages)]):
        room -= len(text)
        if texts and room < 0:
            yield "\n\n".join(texts)
            texts, room = [], MODERATED_CHARS - len(text)
        texts.append(text)
    if texts:
        yield "\n\n".join(texts)


def _charge(viewer: Viewer) -> int:
    with transaction.atomic():
        return charge(viewer.id, viewer.timezone, timezone.now())


def _failure(error: ProviderError) -> ReplyFailed:
    """Return the refusal that stands for a provider's failure, also in the middle of a stream."""
    state = State.BLOCKED if error.code == "content_filter" else State.FAILED
    return failure_for(state, error.code, error.retry_after) or ReplyFailed()


class StatelessReply:
    """One reply within the limits of every reply, and what it comes to."""

    def __init__(self) -> None:
        self.length = self.tokens = 0
        self._has_answer = False
        self._clock, self._intake = Clock(), Intake()

    async def events(self, provider: str, prompt: Prompt) -> AsyncGenerator[SpokenEvent | None, None]:
        """Yield cleaned events, None where a keep-alive is due."""
        async with aclosing(self._paced(provider, prompt)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    for rest in self._intake.rest():
                        yield rest
                    self.tokens = event.usage.prompt + event.usage.completion if event.usage else 0
                    self._require_success(event)
                elif isinstance(event, TextDelta | ReasoningDelta):
                    event.text = self._intake.take(event)
                    self.length += len(event.text)
                    self._has_answer = self._has_answer or isinstance(event, TextDelta)
                    if self._intake.room < 0:
                        raise ReplyInterrupted("The reply reached the largest length.")
                    if not event.text:
                        continue
                elif event is not None:
                    continue
                yield event

    def _require_success(self, finished: Finished) -> None:
        """Raise the ReplyFailed that a stored reply with this end would be; a call for a tool is an answer."""
        state, reason = outcome_for(finished.reason, self._has_answer or finished.reason == "tool_calls")
        if state == State.INTERRUPTED:
            raise ReplyInterrupted("The reply was cut short.")
        if state == State.FAILED or not self._has_answer:
            raise failure_for(state, reason) or ReplyFailed()

    async def _paced(self, provider: str, prompt: Prompt) -> AsyncGenerator[ProviderEvent | None, None]:
        """Yield events, and None where a keep-alive is due; raise where the provider takes too long."""
        async with aclosing(stream(provider, prompt, self._clock.attempt)) as events:
            while True:
                coming = asyncio.ensure_future(anext(events, None))
                try:
                    while await self._keep_alive_due(coming):
                        yield None
                finally:
                    await _end(coming)
                event = coming.result()
                if event is None:
                    return
                self._clock.heard = time.monotonic()
                yield event

    async def _keep_alive_due(self, coming: "asyncio.Future[ProviderEvent | None]") -> bool:
        """Wait for the next event; False once it is there, True where readers are to hear that it is not."""
        left = self._clock.left(time.monotonic(), self.length > 0)
        await asyncio.wait({coming}, timeout=min(left, settings.KEEPALIVE_SECONDS))
        if coming.done():
            return False
        limit = self._clock.overdue(time.monotonic(), self.length > 0)
        if limit is None:
            return True
        raise failure_for(limit.state, limit.reason) or ReplyFailed()


async def _end(task: "asyncio.Future[ProviderEvent | None]") -> None:
    """See a task to its end, so that the generator behind it can be closed."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
