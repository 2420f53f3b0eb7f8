"""The run of one turn: prompt in, text into the log, one terminal state into the database.

A runner is a task of the engine, never a child of a request: only its end, `interrupt` or the process can stop it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing

from django.conf import settings
from django.db import InterfaceError, OperationalError

from chats.models import State
from chats.rows import MessageRow
from chats.turns.limits import SHUTDOWN, TOO_LONG, Clock, Intake, Interruption, ReplyTooLong, outcome_of
from chats.turns.reads import read_reply
from chats.turns.reply_log import ReplyLog
from chats.turns.requests import AcceptedTurn
from chats.turns.writes import Outcome, PendingChunks, finish
from common.executor import database
from common.retrying import retry_conflicts
from llm.client.client import stream
from llm.client.errors import ProviderError
from llm.client.types import Finished, Prompt, ReasoningDelta, TextDelta, Usage

logger = logging.getLogger("parley.turns")

COMMIT_PAUSE = 1.0  # longest pause before the end of a turn is tried again
STATES = {"content_filter": State.BLOCKED}  # what a finish reason makes of a reply; all others are complete


class RunningTurn:
    """A turn that this process runs: its log, what of it is stored, and its task."""

    def __init__(self, accepted: AcceptedTurn) -> None:
        job = accepted.job
        assert job is not None, "only what has a job is run"
        self.id, self.epoch, self.number = job.turn_id, job.epoch, accepted.number
        self.chat_id, self.question, self.reply = accepted.chat_id, accepted.question, accepted.reply
        self._model = job.model
        self._prompt = [job.prompt]  # until it is sent: a long context need not be kept for as long as the reply lasts
        self.log = ReplyLog(accepted.chat_id, accepted.question.id, accepted.reply.id, accepted.number)
        for kind, text in job.kept:
            self.log.append(kind, text)
        self.kept = self.saved = self.log.length
        self.pending_since: float | None = None  # when the oldest shown character that is not stored was shown
        self.clock, self._intake = Clock(), Intake(self.kept)
        self.last_news = self.clock.started
        self._patience = settings.UNSAVED_SECONDS  # asked for with every token
        self.interruption: Interruption | None = None
        self.is_running = False  # a task that is cancelled before its first step would never end its turn
        self.over = False  # nothing more comes from the provider; only the end is still to be stored
        self.task: asyncio.Task[None] | None = None
        self.log.show()

    # --- text in ---------------------------------------------------------------------------------------------------
    def _add(self, delta: TextDelta | ReasoningDelta) -> None:
        """Take text; raise ReplyTooLong where it has no room left."""
        if text := self._intake.take(delta):
            self.log.append("text" if isinstance(delta, TextDelta) else "reasoning", text)
            self._show(self.clock.heard)
        if self._intake.room < 0:
            raise ReplyTooLong()

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
        return PendingChunks(self.id, self.epoch, self.reply.id, chunks)

    def stored(self, upto: int, taken_at: float) -> None:
        """Note that everything before `upto` is stored, as of a flush that was put together at `taken_at`."""
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
        if limit := self.clock.overdue(now, self._has_text):
            self.interrupt(limit)

    # --- the run -----------------------------------------------------------------------------------------------------
    async def run(self, done: Callable[["RunningTurn"], None]) -> None:
        """Fill the log from the provider, commit the end, mark the log, then call `done`."""
        outcome = await self._generate()
        self.over = True
        await asyncio.shield(self._commit(outcome))
        done(self)

    async def _generate(self) -> Outcome:
        self.is_running = True
        if self.interruption is not None:
            return self._interrupted(self.interruption)
        try:
            finished = await self._consume(self._prompt.pop())
        except asyncio.CancelledError:
            return self._interrupted(self.interruption or SHUTDOWN)
        except ReplyTooLong:
            return self._interrupted(TOO_LONG)
        except ProviderError as error:
            return self._failed(error)
        except Exception:
            logger.exception("runner failed, turn %s", self.id)
            return self._ended(State.INTERRUPTED if self._has_text else State.FAILED, "server_error")
        return self._completed(finished)

    async def _consume(self, prompt: Prompt) -> Finished:
        finished: Finished | None = None
        async with aclosing(stream(self._model.provider, prompt, self.clock.attempt)) as events:
            del prompt
            async for event in events:
                self.clock.heard = time.monotonic()
                if isinstance(event, Finished):
                    finished = event
                else:
                    self._add(event)
        for rest in self._intake.rest():
            self._add(rest)
        assert finished is not None  # the provider raises where it has no finish to tell
        return finished

    async def _commit(self, outcome: Outcome) -> None:
        """Store the end and mark the log with it; while the database is away, try again and again."""
        delay = 0.1
        while True:
            try:
                row = await self._store(outcome)
                if row is None or row.state != State.STREAMING:
                    return self._mark(row)
                logger.warning("turn %s was taken over; its readers wait for the other's end", self.id)
            except (OperationalError, InterfaceError) as error:
                logger.error("end of turn %s not stored, trying again: %s", self.id, error)
            except Exception:
                logger.exception("end of turn %s cannot be stored as it is", self.id)
                if outcome.parts is None:
                    return self.log.mark_deleted()
                outcome = Outcome(State.INTERRUPTED, "server_error")  # what was flushed is kept
            await asyncio.sleep(delay)
            delay = min(delay * 2, COMMIT_PAUSE)

    async def _store(self, outcome: Outcome) -> MessageRow | None:
        row = await database().write(retry_conflicts, finish, self.id, self.epoch, outcome)
        if row is None:  # another writer ended the turn, or the chat was deleted
            found = await database().read(read_reply, self.chat_id, self.reply.id)
            return found.message if found else None
        row.siblings = self.reply.siblings  # no other is made while this one runs
        return row

    def _mark(self, row: MessageRow | None) -> None:
        if row is None:
            self.log.mark_deleted()
        else:
            self.log.finish(row)

    # --- outcomes ----------------------------------------------------------------------------------------------------
    @property
    def _has_text(self) -> bool:
        return self.log.length > self.kept

    def _ended(self, state: str, reason: str, model: str = "", usage: Usage | None = None) -> Outcome:
        return Outcome(
            state,
            reason,
            self.log.parts(),
            model or self.reply.model,
            self.reply.provider,
            usage.prompt if usage else None,
            usage.completion if usage else None,
            self.clock.attempts,
        )

    def _completed(self, finished: Finished) -> Outcome:
        if not self._has_text:
            state = State.BLOCKED if finished.reason == "content_filter" else State.FAILED
            reason = "content_filter" if state == State.BLOCKED else "provider_empty"
            return self._ended(state, reason, finished.model, finished.usage)
        state = STATES.get(finished.reason, State.COMPLETE)
        return self._ended(state, finished.reason, finished.model, finished.usage)

    def _failed(self, error: ProviderError) -> Outcome:
        logger.warning("turn %s: %s from %s: %s", self.id, error.code, error.provider, error)
        self.log.retry_after = error.retry_after
        return self._ended(*outcome_of(error, self._has_text))

    def _interrupted(self, interruption: Interruption) -> Outcome:
        return self._ended(interruption.state, interruption.reason)
