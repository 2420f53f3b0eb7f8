"""Asking a model without storing a word: moderation, quota, limits and accounting as for every turn, nothing else.

There is no turn and no reply, so there is nothing to come back to: whoever stops reading stops the provider.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial

from django.conf import settings

from accounts.access import Viewer, require_confirmed
from chats.errors import Draining, ReplyBlocked, ReplyFailed, ReplyInterrupted
from chats.models import State
from chats.turns.charging import asking_of
from chats.turns.engine import engine
from chats.turns.fallbacks import ProviderSilent, Route
from chats.turns.limits import FIRST_TEXT_LATE, Clock, Intake, failure_for, outcome_for
from chats.turns.model_choice import require_answerable
from chats.turns.moderation import objection_to_any
from chats.turns.sent_files import with_sent_files
from chats.turns.single_call import SingleCall, single_call
from common.child_process import ChildFailed
from common.media import PICTURES
from common.text import repaired
from common.threads import run_in_thread
from common.unnamed_file import unnamed_file
from files.prompts import pdf_text
from files.uploads import write_base64
from llm.catalog import Model
from llm.client.errors import ProviderError
from llm.client.sanitize import Sanitizer
from llm.client.types import (
    ChoiceEvent,
    File,
    Finished,
    GeneratedFile,
    LogProbs,
    OtherChoice,
    Prompt,
    ProviderCall,
    ProviderEvent,
    ReasoningDelta,
    RequestedCall,
    TextDelta,
    ToolInputDelta,
    ToolResult,
)
from llm.moderation import moderation_enabled
from llm.routing import stream
from llm.tokens import size_of
from usage.allowance import Charge
from usage.models import Attempt

logger = logging.getLogger("parley.turns")


async def ask_stateless(
    viewer: Viewer, model: Model, prompt: Prompt, on_held: Callable[[Charge], None], fallback: bool = True
) -> AsyncGenerator[ProviderEvent | None, None]:
    """Yield the reply of a model, None now and then while nothing comes, `Finished` at its end.

    `on_held` is told what bounds the call, before the provider is asked.

    Raises EmailNotConfirmed, Unsupported, Draining, ModerationAway, QuotaExceeded, a ReplyFailed of every kind, and
    what `with_sent_files` does.
    Closing the generator closes the provider's connection.
    """
    require_confirmed(viewer)
    if engine().draining:
        raise Draining(retry_after=5)
    prompt = await with_sent_files(prompt, model)
    require_answerable(model, prompt)
    await require_harmless(prompt)
    asked, kind = replace(prompt, model=model.id), Attempt.Kind.COMPLETION
    async with single_call(asking_of(viewer), kind, model, asked) as call:
        on_held(call.charge)
        try:
            async with aclosing(StatelessReply(call, fallback).events()) as events:
                async for event in events:
                    yield event
        except ProviderError as error:
            logger.warning("stateless reply: %s from %s: %s", error.code, error.provider, error)
            raise _failure(error) from error


async def require_harmless(prompt: Prompt) -> None:
    """Have all text of a prompt checked, where prompts are checked; raise ReplyBlocked or ModerationAway."""
    if not moderation_enabled():
        return
    pdfs = [part for message in prompt.messages for part in message.parts if isinstance(part, File) and _is_pdf(part)]
    read = [await run_in_thread(partial(_pdf_text, each.data)) for each in pdfs]
    if category := await objection_to_any([*_texts(prompt), *read]):
        logger.warning("stateless prompt was blocked by moderation: %s", category)
        raise ReplyBlocked()


def _texts(prompt: Prompt) -> Iterator[str]:
    """Yield all text that a model reads: that of tools, of their calls and of what they gave, too."""
    yield prompt.system
    yield from (tool.description for tool in prompt.tools)
    for message in prompt.messages:
        yield message.text
        for part in message.parts:
            if isinstance(part, RequestedCall):
                yield part.arguments
            elif isinstance(part, ToolResult):
                yield part.output


def _is_pdf(file: File) -> bool:
    """Tell by its bytes, whatever it is called."""
    return file.data.startswith("JVBERi0")


def _pdf_text(data: str) -> str:
    """Return the text of a PDF; one that cannot be read has none, like a picture."""
    with unnamed_file() as file, suppress(ChildFailed):
        write_base64(file, data)
        return pdf_text(file)
    return ""


def _failure(error: ProviderError) -> ReplyFailed:
    """Return the refusal that stands for a provider's failure, also in the middle of a stream."""
    state = State.BLOCKED if error.code == "content_filter" else State.FAILED
    return failure_for(state, error.code, error.retry_after) or ReplyFailed()


class StatelessReply:
    """One reply within the limits of every reply, and what it comes to."""

    def __init__(self, call: SingleCall, may_fall_back: bool) -> None:
        self._call, self._tries = call, 1
        self._route = Route(call.model, call.charge, may_fall_back)
        self._has_answer = False
        self._clock, self._intake = Clock(), Intake()
        self._others: dict[int, Intake] = {}  # of further choices
        self._pictures = 0
        self._inputs: dict[tuple[int, str], Sanitizer] = {}  # of calls

    async def events(self) -> AsyncGenerator[ProviderEvent | None, None]:
        """Yield cleaned events, None where a keep-alive is due.

        Where a provider fails before its first event, the models that staff have named in its place are asked.
        """
        prompt, has_begun = await self._route.begin(self._call.prompt, self._call.raise_hold), False
        while True:
            self._call.meter.asks(prompt)
            try:
                async with aclosing(self._paced(prompt)) as events:
                    async for event in events:
                        has_begun = has_begun or event is not None
                        for clean in (None,) if event is None else self._cleaned(event):
                            yield clean
                        if self._intake.room < 0:
                            raise ReplyInterrupted("The reply reached the largest length.")
                self._route.note_answer()
                return
            except ProviderError as error:
                if has_begun:
                    raise
                self._call.meter.ends(reason=error.code)
                prompt = await self._route.after(error, self._tries, prompt, self._call.raise_hold)
                self._clock.resume()

    def _cleaned(self, event: ProviderEvent) -> Sequence[ProviderEvent]:
        """Return what a reader may have of an event; all choices share the room of one reply."""
        if isinstance(event, OtherChoice):
            intake = self._others.setdefault(event.index, Intake())
            before = intake.room
            events = self._taken(event.event, intake, event.index)
            self._intake.room -= before - intake.room
            return [OtherChoice(event.index, each) for each in events]
        if isinstance(event, Finished):
            self._require_success(event)
        return self._taken(event, self._intake, 0)

    def _taken(self, event: ProviderEvent, intake: Intake, choice: int) -> Sequence[ChoiceEvent]:
        if isinstance(event, TextDelta | ReasoningDelta):
            event.text = intake.take(event)
            self._call.size += size_of(event.text)
            self._has_answer = self._has_answer or isinstance(event, TextDelta)
            return [event] if event.text else []
        if isinstance(event, Finished):
            if outcome_for(event.reason, has_answer=True)[0] == State.INTERRUPTED:
                raise ReplyInterrupted("The reply was cut short.")
            return [*intake.rest(), event]
        if isinstance(event, ToolInputDelta):
            sanitizer = self._inputs.setdefault((choice, event.call), Sanitizer())
            self._count(intake, event.text)
            return [ToolInputDelta(event.call, repaired(event.name), sanitizer.feed(event.text))]
        if isinstance(event, RequestedCall):
            self._count(intake, event.name)
            self._has_answer = True
            return [RequestedCall(event.id, repaired(event.name), repaired(event.arguments))]
        if isinstance(event, GeneratedFile):
            return self._picture(event, intake)
        if isinstance(event, LogProbs):
            return [event]
        return []

    def _picture(self, event: GeneratedFile, intake: Intake) -> Sequence[ChoiceEvent]:
        """Return a picture as it came: whoever stores nothing is not told what it is but by the provider."""
        self._pictures += 1
        if self._pictures > settings.FILES_PER_MESSAGE or event.media_type not in (each.name for each in PICTURES):
            return []
        self._count(intake, event.media_type)  # its bytes are no tokens
        self._has_answer = True
        return [event]

    def _count(self, intake: Intake, text: str) -> None:
        """Count what is no text, which is an answer all the same."""
        self._call.size += size_of(text)
        intake.room -= len(text)

    def _require_success(self, finished: Finished) -> None:
        """Raise the ReplyFailed that a stored reply with this end would be."""
        state, reason = outcome_for(finished.reason, self._has_answer)
        if state == State.FAILED or (state == State.BLOCKED and not self._has_answer):
            raise failure_for(state, reason) or ReplyFailed()

    def _begins(self, call: ProviderCall) -> None:
        self._tries = call.number
        self._clock.attempt(call.number)
        self._call.meter.begins(call)

    async def _paced(self, prompt: Prompt) -> AsyncGenerator[ProviderEvent | None, None]:
        """Yield events, and None where a keep-alive is due; raise where the provider takes too long."""
        async with aclosing(stream(self._route.model.provider, prompt, self._begins)) as events:
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
        left = self._clock.left(time.monotonic(), self._call.size > 0)
        await asyncio.wait({coming}, timeout=min(left, settings.KEEPALIVE_SECONDS))
        if coming.done():
            return False
        limit = self._clock.overdue(time.monotonic(), self._call.size > 0)
        if limit is None:
            return True
        has_time = time.monotonic() - self._clock.started <= settings.REPLY_TIMEOUT
        if limit == FIRST_TEXT_LATE and self._route.has_more and has_time:
            raise ProviderSilent(self._route.model.provider)
        raise failure_for(limit.state, limit.reason) or ReplyFailed()


async def _end(task: "asyncio.Future[ProviderEvent | None]") -> None:
    """See a task to its end, so that the generator behind it can be closed."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
