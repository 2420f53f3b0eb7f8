"""The run of one turn: prompt in, parts into the log, one terminal state (or a wait for a decision) into the database.

A turn takes as many steps as its model asks for tools: a call of the provider, the tools, the next call. A runner is a
task of the engine, never a child of a request: only its end, `interrupt` or the process can stop it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace

from django.conf import settings
from django.db import InterfaceError, OperationalError

from chats.models import UNFINISHED, State
from chats.parts import REASONING, SOURCE, TEXT, Part, denied, json_text
from chats.rows import MessageRow
from chats.services.open_models import find_open_models
from chats.signals import run_ended
from chats.turns.attachments import with_files
from chats.turns.charging import bounded
from chats.turns.ends import Outcome, Wait, finish, wait
from chats.turns.generated_files import FilesOfReply
from chats.turns.limits import (
    FIRST_TEXT_LATE,
    LIMIT_REACHED,
    LOST,
    SHUTDOWN,
    STOPPED,
    TOO_LONG,
    TOO_MANY_STEPS,
    UNSUCCESSFUL,
    Clock,
    Intake,
    Interruption,
    ReplyTooLong,
    outcome_for,
    outcome_of,
)
from chats.turns.prompt_parts import reply_message
from chats.turns.provider_calls import ProviderCalls, TurnLost
from chats.turns.reads import read_reply
from chats.turns.reply_log import ReplyLog
from chats.turns.requests import AcceptedTurn, Decided
from chats.turns.thinking import ThinkingTime
from chats.turns.tool_calls import ToolCalls, ToolEvent
from chats.turns.writes import PendingChunks
from common.executor import database
from common.retrying import retry_conflicts
from common.text import repaired
from llm.client.errors import ProviderError, ProviderRefused
from llm.client.types import (
    CitedSource,
    Finished,
    GeneratedFile,
    LogProbs,
    OtherChoice,
    Prompt,
    ReasoningDelta,
    TextDelta,
    Usage,
)
from llm.routing import stream
from llm.tokens import size_of
from usage.holds import settle_hold
from usage.limits import Asking
from usage.refusals import QuotaExceeded

logger = logging.getLogger("parley.turns")

COMMIT_PAUSE = 1.0  # longest pause before the end of a turn is tried again
MOST_TOKENS = 2**31 - 1  # that a column holds


class RunningTurn:
    """A turn that this process runs: its log, what of it is stored, and its task."""

    def __init__(self, accepted: AcceptedTurn) -> None:
        job = accepted.job
        assert job is not None, "only what has a job is run"
        self.id, self.epoch, self.number = job.turn_id, job.epoch, accepted.number
        self.chat_id, self.question, self.reply = accepted.chat_id, accepted.question, accepted.reply
        self._begins, self._resume, self._decided, self._usage = job.begins, job.resume, job.decided, job.usage
        self._prompt = [job.prompt]  # until it is sent: a long context need not be kept for as long as the reply lasts
        self.log = ReplyLog(accepted.chat_id, accepted.question.id, accepted.reply.id, accepted.number)
        for kind, text in job.kept:
            self.log.append(kind, text)
        self.saved = self._step_from = self.log.length
        self.pending_since: float | None = None  # when the oldest shown character that is not stored was shown
        self.clock, self._intake = Clock(job.seconds), Intake(self.saved)
        self._providers = ProviderCalls(job, self.clock)
        self.steps = job.steps
        self._calls = ToolCalls(job.toolbox, self.log, self._show_now) if job.toolbox else None
        if self._calls and job.decided:
            self._calls.not_begun.update(call.id for call in job.decided.allowed)
        kept = sum(kind == REASONING for kind, _ in job.kept)
        self._thinking = ThinkingTime(accepted.reply.reasoning_seconds, kept)
        self._speaks = ""  # of what kind that is which comes now
        self._sources: list[CitedSource] = []
        self.last_news = self.clock.started
        self._patience = settings.UNSAVED_SECONDS  # asked for with every token
        self.interruption: Interruption | None = None
        self.is_running = False  # a task that is cancelled before its first step would never end its turn
        self.over = False  # nothing more comes from the provider; only the end is still to be stored
        self.task: asyncio.Task[None] | None = None
        self.log.show()

    @property
    def asking(self) -> Asking:
        return self._providers.charge.asking

    # --- text in ---------------------------------------------------------------------------------------------------
    def _add(self, delta: TextDelta | ReasoningDelta) -> None:
        """Take text; raise ReplyTooLong where it has no room left."""
        if text := self._intake.take(delta):
            kind = TEXT if isinstance(delta, TextDelta) else REASONING
            if kind != self._speaks:
                self._turn_to(kind)
            self.log.append(kind, text)
            self._show(self.clock.heard)
        if self._intake.room < 0:
            raise ReplyTooLong()

    def _turn_to(self, kind: str) -> None:
        self._speaks = kind
        if kind == REASONING:
            self._thinking.begin(self.clock.heard, goes_on=self.log.last_kind == REASONING)
        else:
            self._thinking.end(self.clock.heard)

    def _show_now(self) -> None:
        self._show(time.monotonic())

    def _show(self, now: float) -> None:
        """Show what has come, unless what was shown before has waited too long to be stored."""
        if self.pending_since is None:
            self.pending_since = now
        if now - self.pending_since < self._patience:
            self.last_news = now
            self.log.show()

    def pending(self) -> PendingChunks:
        """Return the chunks that a flush has to store."""
        at, chunks = self.saved, []
        for kind, text in self.log.parts(self.saved):
            chunks.append((at, kind, text))
            at += len(text)
        if self._calls:
            chunks += self._calls.save()
        return PendingChunks(self.id, self.epoch, self.reply.id, chunks)

    def stored(self, upto: int, taken_at: float) -> None:
        """Note that everything before `upto` is stored, as of a flush that was put together at `taken_at`."""
        if self._calls:
            self._calls.saved()
        self.log.compact(self.saved, upto)
        self.saved = upto
        self.pending_since = taken_at if self.log.length > upto else None
        if self.log.shown < self.log.length:
            self.log.show()

    # --- ends from outside -------------------------------------------------------------------------------------------
    def interrupt(self, interruption: Interruption) -> None:
        """End the run: the provider's connection closes, the text is kept."""
        if self.interruption is not None or self.over:
            return
        self.interruption = interruption
        if self.is_running and self.task is not None:
            self.task.cancel()

    def check_time(self, now: float) -> None:
        """Enforce the limits on first text, silence and total time."""
        limit = self.clock.overdue(now, self.log.length > self._step_from)
        is_late = limit == FIRST_TEXT_LATE and not self._has_text
        if limit and not (is_late and self._providers.give_up(now)):
            self.interrupt(limit)

    # --- the run -----------------------------------------------------------------------------------------------------
    async def run(self, done: Callable[["RunningTurn"], None]) -> None:
        """Fill the log from the provider, commit the end, mark the log, then call `done`."""
        outcome = await self._generate()
        self.over = True
        await asyncio.shield(self._commit(outcome))
        done(self)
        self._announce(outcome)

    def _announce(self, outcome: Outcome) -> None:
        """Tell how the run ended; where another writer was quicker, as that one has ended it."""
        calls, state = self._providers.attempts, self.log.end.message.state if self.log.end else outcome.state
        first = next((call.first_text_at for call in calls if call.first_text_at), None)
        run_ended.send_robust(
            RunningTurn, state=state, provider=self._providers.model.provider, model=self._providers.model.id,
            fallback=self._providers.fallback, first_text=first and max(0.0, first - calls[0].begun_at),
            gaps=self.clock.gaps, gap_seconds=self.clock.gap_seconds,
        )  # fmt: skip

    async def _generate(self) -> Outcome:
        self.is_running = True
        if self.interruption is not None:
            return self._interrupted(self.interruption)
        try:
            return await self._take_steps()
        except asyncio.CancelledError:
            return self._interrupted(self.interruption or SHUTDOWN)
        except QuotaExceeded:
            return self._interrupted(LIMIT_REACHED)
        except TurnLost:
            return self._interrupted(LOST)
        except ReplyTooLong:
            return self._interrupted(TOO_LONG)
        except ProviderError as error:
            return self._failed(error)
        except Exception:
            logger.exception("runner failed, turn %s", self.id)
            return self._ended(State.INTERRUPTED if self._has_text else State.FAILED, "server_error")

    async def _take_steps(self) -> Outcome:
        """Ask the model, and again with what its tools gave, until it has nothing more to ask."""
        calls = self._calls
        if calls and self._decided:
            await self._go_on(calls, self._decided)
        while self.steps < settings.MAX_STEPS:
            if calls and self.steps:
                await self._require_open_model(calls)
            finished = await self._take_step(calls)
            if calls is None or not calls.open_calls or finished.reason in UNSUCCESSFUL:
                return self._completed(finished)
            self.clock.pause()
            if not await calls.run_ready():
                return self._waiting()
        return self._interrupted(TOO_MANY_STEPS)

    async def _require_open_model(self, calls: ToolCalls) -> None:
        """Raise ProviderRefused where the model was switched off, or taken from its user, since the step before."""
        models = await find_open_models(calls.user_id)
        if not models.is_known(self._providers.model.name):
            raise ProviderRefused(self._providers.model.provider, "the model is not open to the user any more")

    async def _take_step(self, calls: ToolCalls | None) -> Finished:
        self.steps += 1
        self._step_from = self.log.length
        self.clock.resume()
        if calls is None:
            prompt = self._prompt.pop()
        else:
            calls.begin_step()
            prompt = self._next_prompt(calls)
            if prompt is not self._prompt[0]:  # for which a hold was taken with the turn
                prompt = await self._providers.allowed(prompt)
        try:
            finished = await self._providers.answer(
                prompt, lambda asked: self._consume(asked, calls), lambda: self._has_text
            )
        except ProviderRefused:
            if calls is None or self.log.length > self._step_from or not calls.forget_metadata():
                raise
            prompt = bounded(self._next_prompt(calls), self._providers.charge.hold)
            finished = await self._consume(prompt, calls)  # once without what may have been wrong
        self._note_end()
        self._usage = _sum(self._usage, finished.usage)
        return finished

    def _note_end(self, reason: str = "") -> None:
        """Take account of the last call of a provider, and of what has come of it."""
        self._providers.ends(lambda: sum([size_of(text) for _, text in self.log.parts(self._step_from)]), reason)

    def _next_prompt(self, calls: ToolCalls) -> Prompt:
        """Return what was asked, and what has come of it so far."""
        prompt, parts, model = self._prompt[0], self.log.parts(self._begins), self._providers.model.id
        if not parts and model == prompt.model:
            return prompt
        so_far = [reply_message(parts, calls.beside, self._begins)] if parts else []
        return replace(prompt, model=model, messages=(*prompt.messages, *so_far))

    async def _consume(self, prompt: Prompt, calls: ToolCalls | None) -> Finished:
        finished: Finished | None = None
        prompt = await with_files(prompt)
        async with aclosing(stream(self._providers.model.provider, prompt, self._providers.begins)) as events:
            del prompt
            async for event in events:
                self.clock.note_event()
                if isinstance(event, TextDelta | ReasoningDelta):
                    self._add(event)
                elif isinstance(event, Finished):
                    finished = event
                elif isinstance(event, GeneratedFile):
                    self._add_rest()
                    await self._keep(event)
                elif not isinstance(event, LogProbs | OtherChoice):  # which no stored reply asks for
                    self._add_rest()
                    self._take(event, calls)
        self._add_rest()
        self._add_sources()
        assert finished is not None  # the provider raises where it has no finish to tell
        return finished

    def _take(self, event: CitedSource | ToolEvent, calls: ToolCalls | None) -> None:
        """Take what is no text; what has to do with tools means nothing where none were offered."""
        before = self.log.length
        self._turn_to("")
        if isinstance(event, CitedSource):
            self._sources.append(event)
        elif calls is not None:
            calls.take(event)
        self._intake.room -= self.log.length - before
        if self._intake.room < 0:
            raise ReplyTooLong()

    async def _keep(self, event: GeneratedFile) -> None:
        """Make a part of a file; what cannot be kept is told in its place."""
        place = FilesOfReply(self.asking.user_id, self.chat_id, self.reply.id, self.id, self.epoch)
        part = await place.keep(event, self.log.parts(self._begins))
        self.clock.heard = time.monotonic()
        if part and part[0] == TEXT:
            self._add(TextDelta(part[1]))
        elif part:
            self._turn_to("")
            self.log.append(*part)
            self._intake.room -= len(part[1])
            self._show_now()

    def _add_sources(self) -> None:
        """Put sources behind the texts and calls of their step: calls are shown while they are still being written."""
        for source in self._sources:
            self.log.append(SOURCE, json_text({"url": repaired(source.url), "title": repaired(source.title)}))
        if self._sources:
            self._sources.clear()
            self._show_now()

    def _add_rest(self) -> None:
        for rest in self._intake.rest():
            self._add(rest)

    async def _go_on(self, calls: ToolCalls, decided: Decided) -> None:
        """Do what the user has allowed, and tell the model of what was not."""
        calls.beside = decided.beside
        for id_, reason in decided.refused:
            calls.deny(id_, reason)
        calls.open_calls = decided.allowed
        self.clock.pause()
        await calls.run_ready()

    async def _commit(self, outcome: Outcome) -> None:
        """Store the end and mark the log with it; while the database is away, try again and again."""
        delay = 0.1
        while True:
            try:
                return self._mark(await self._store(outcome))
            except (OperationalError, InterfaceError) as error:
                logger.error("end of turn %s not stored, trying again: %s", self.id, error)
            except Exception:
                logger.exception("end of turn %s cannot be stored as it is", self.id)
                if outcome.parts is None:
                    return self.log.mark_deleted()
                # What was flushed is kept.
                outcome = Outcome(
                    State.INTERRUPTED, "server_error", cost=outcome.cost, charge=outcome.charge, calls=outcome.calls
                )
            await asyncio.sleep(delay)
            delay = min(delay * 2, COMMIT_PAUSE)

    async def _store(self, outcome: Outcome) -> MessageRow | None:
        row = await database().write(retry_conflicts, wait if outcome.wait else finish, self.id, self.epoch, outcome)
        if row is None and outcome.wait:  # stopped before it could wait
            return await self._store(self._interrupted(STOPPED))
        if row is None:  # another writer ended the turn, or the chat was deleted
            found = await database().read(read_reply, self.chat_id, self.reply.id)
            if found is None:
                await database().write(retry_conflicts, settle_hold, self.reply.id, outcome.calls)
            return found.message if found else None
        row.siblings = self.reply.siblings  # no other is made while this one runs
        return row

    def _mark(self, row: MessageRow | None) -> None:
        if row is None:
            self.log.mark_deleted()
        elif row.state in UNFINISHED:  # it waits, or another process has it: its readers find it there
            self.log.retire()
        else:
            self.log.finish(row)

    # --- outcomes ----------------------------------------------------------------------------------------------------
    @property
    def _has_text(self) -> bool:
        return self.log.length > self._begins

    def _ended(self, state: str, reason: str, model: str = "") -> Outcome:
        parts = self.log.parts()
        for closed in denied(parts, self._calls.not_begun if self._calls else ()):  # nobody will be asked any more
            parts.append(closed)
            self.log.append(*closed)
        return self._outcome(state, reason, parts, model)

    def _outcome(self, state: str, reason: str, parts: list[Part], model: str = "") -> Outcome:
        self._thinking.end(self.clock.heard)
        self._note_end(reason)
        return Outcome(
            state,
            reason,
            parts,
            model or self._providers.model.id,
            self._providers.model.provider,
            self._usage.prompt if self._usage else None,
            self._usage.completion if self._usage else None,
            self._thinking.seconds,
            self.clock.attempts,
            fallback=self._providers.fallback,
            cost=self._providers.cost,
            charge=self._providers.charge,
            calls=self._providers.attempts,
            aside=[*self._calls.unsaved] if self._calls else [],
        )

    def _waiting(self) -> Outcome:
        """Return what is stored while the user is asked, and what the turn goes on with afterwards."""
        assert self._calls is not None
        calls = [(call.id, call.name) for call in self._calls.open_calls]
        resume = {
            **self._resume,
            "model": self._providers.model.name,
            "begins": self._begins,
            "steps": self.steps,
            "seconds": self.clock.spent,
        }
        return replace(self._outcome(State.WAITING, "", self.log.parts()), wait=Wait(calls, resume))

    def _completed(self, finished: Finished) -> Outcome:
        has_answer = any(kind not in (REASONING, SOURCE) for kind, _ in self.log.parts(self._begins))
        return self._ended(*outcome_for(finished.reason, has_answer), finished.model)

    def _failed(self, error: ProviderError) -> Outcome:
        logger.warning("turn %s: %s from %s: %s", self.id, error.code, error.provider, error)
        self.log.retry_after = error.retry_after
        return self._ended(*outcome_of(error, self._has_text))

    def _interrupted(self, interruption: Interruption) -> Outcome:
        return self._ended(interruption.state, interruption.reason)


def _sum(before: Usage | None, more: Usage | None) -> Usage | None:
    told = [usage for usage in (before, more) if usage]
    sums = sum([usage.prompt for usage in told]), sum([usage.completion for usage in told])
    return Usage(*(min(each, MOST_TOKENS) for each in sums)) if told else None
