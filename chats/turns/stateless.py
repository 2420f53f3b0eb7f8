"""Asking a model without storing a word: moderation, quota, limits and accounting as for every turn, nothing else.

There is no turn and no reply, so there is nothing to come back to: whoever stops reading stops the provider.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.access import Viewer, require_confirmed
from chats.errors import FAILURES, Draining, ModerationAway, ReplyBlocked, ReplyFailed, ReplyInterrupted, ReplyTimedOut
from chats.turns.engine import engine
from common.executor import database
from common.retrying import retry_conflicts
from llm.catalog import Model
from llm.client.client import stream
from llm.client.errors import ProviderError
from llm.client.sanitize import Sanitizer
from llm.client.types import Finished, Prompt, ProviderEvent, ReasoningDelta, TextDelta
from llm.errors import ModerationUnavailable
from llm.moderation import judge, moderation_enabled
from usage.quota import charge, settle

logger = logging.getLogger("parley.turns")


BUSY_RETRY_AFTER = 5


async def ask_stateless(viewer: Viewer, model: Model, prompt: Prompt) -> AsyncGenerator[ProviderEvent | None, None]:
    """Yield the reply of a model, None now and then while nothing comes, `Finished` at its end.

    Raises EmailNotConfirmed, Draining, ModerationAway, QuotaExceeded, and a ReplyFailed of every kind. Closing the
    generator closes the provider's connection.
    """
    require_confirmed(viewer)
    if engine().draining:
        raise Draining(retry_after=5)
    await require_harmless(prompt)
    day_id = await database().write(retry_conflicts, _charge, viewer)
    tally = Tally()
    try:
        async with aclosing(_limited(model, prompt, tally)) as events:
            async for event in events:
                yield event
    except ProviderError as error:
        logger.warning("unstored reply: %s from %s: %s", error.code, error.provider, error)
        raise _failure(error) from error
    finally:
        await database().write(retry_conflicts, settle, day_id, tally.tokens, tally.length == 0)


class Tally:
    """What a reply has come to."""

    def __init__(self) -> None:
        self.length = self.tokens = 0

    def count(self, event: ProviderEvent) -> None:
        if isinstance(event, Finished):
            self.tokens = event.usage.prompt + event.usage.completion if event.usage else 0
        else:
            self.length += len(event.text)


async def require_harmless(prompt: Prompt) -> None:
    """Have all text of a prompt checked, where prompts are checked; raise ReplyBlocked or ModerationAway."""
    if not moderation_enabled():
        return
    text = "\n\n".join(filter(None, [prompt.system, *(message.text for message in prompt.messages)]))
    try:
        verdict = await judge(text)
    except ModerationUnavailable as error:
        if settings.MODERATION_FAIL_OPEN:
            return
        raise ModerationAway(retry_after=5) from error
    if verdict.flagged:
        logger.warning("unstored prompt was blocked by moderation: %s", ", ".join(verdict.categories))
        raise ReplyBlocked()


def _charge(viewer: Viewer) -> int:
    with transaction.atomic():
        return charge(viewer.id, viewer.timezone, timezone.now())


async def _limited(model: Model, prompt: Prompt, tally: Tally) -> AsyncGenerator[ProviderEvent | None, None]:
    """Yield cleaned events within the limits on first text, silence, total time and length."""
    sanitizers: dict[type[TextDelta | ReasoningDelta], Sanitizer] = {
        TextDelta: Sanitizer(),
        ReasoningDelta: Sanitizer(),
    }
    async with aclosing(_paced(model, prompt, tally)) as events:
        async for event in events:
            if isinstance(event, Finished):
                for rest in [kind(text) for kind, sanitizer in sanitizers.items() if (text := sanitizer.flush())]:
                    yield rest
                tally.count(event)
            elif event is not None:
                event.text = sanitizers[type(event)].feed(event.text)
                tally.count(event)
                if tally.length > settings.MAX_REPLY_CHARS:
                    raise ReplyInterrupted("The reply reached the largest length.")
                if not event.text:
                    continue
            yield event


async def _paced(model: Model, prompt: Prompt, tally: Tally) -> AsyncGenerator[ProviderEvent | None, None]:
    """Yield events, and None where a keep-alive is due; raise where the provider takes too long."""
    started = heard = time.monotonic()
    async with aclosing(stream(model.provider, replace(prompt, model=model.id))) as events:
        while True:
            coming = asyncio.ensure_future(anext(events, None))
            try:
                while await _keep_alive_due(coming, started, heard, tally):
                    yield None
            finally:
                await _end(coming)
            event = coming.result()
            if event is None:
                return
            heard = time.monotonic()
            yield event


async def _keep_alive_due(
    coming: "asyncio.Future[ProviderEvent | None]", started: float, heard: float, tally: Tally
) -> bool:
    """Wait for the next event; False once it is there, True where readers are to hear that it is not."""
    await asyncio.wait({coming}, timeout=min(_time_left(started, heard, tally), settings.KEEPALIVE_SECONDS))
    if coming.done():
        return False
    if _time_left(started, heard, tally) > 0:
        return True
    raise ReplyInterrupted() if tally.length else ReplyTimedOut()


def _time_left(started: float, heard: float, tally: Tally) -> float:
    now = time.monotonic()
    silence = settings.IDLE_TIMEOUT if tally.length else settings.FIRST_TEXT_TIMEOUT
    return max(0.0, min(heard + silence, started + settings.REPLY_TIMEOUT) - now)


async def _end(task: "asyncio.Future[ProviderEvent | None]") -> None:
    """See a task to its end, so that the generator behind it can be closed."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})


def _failure(error: ProviderError) -> ReplyFailed:
    """Return the refusal that stands for a provider's failure."""
    kind = ReplyBlocked if error.code == "content_filter" else FAILURES.get(error.code, ReplyFailed)
    return kind(retry_after=(error.retry_after or BUSY_RETRY_AFTER) if kind.status == 503 else None)
