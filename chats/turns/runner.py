"""The run of one turn: prompt in, text into the log, one terminal state into the database.

A runner is a task of the engine, never a child of a request: only its end, `interrupt` or the process can stop it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from django.conf import settings
from django.db import InterfaceError, OperationalError

from chats.models import State
from chats.tree import MessageRow
from chats.turns.reads import read_reply
from chats.turns.reply_log import ReplyLog
from chats.turns.requests import AcceptedTurn
from chats.turns.writes import Outcome, PendingChunks, finish
from common.executor import database
from common.retrying import retry_conflicts
from llm.client.client import stream
from llm.client.errors import ProviderError
from llm.client.sanitize import Sanitizer
from llm.client.types import Finished, ReasoningDelta, TextDelta, Usage

logger = logging.getLogger("parley.turns")

COMMIT_PAUSE = 1.0  # longest pause before the end of a turn is tried again
STATES = {"content_filter": State.BLOCKED}  # what a finish reason makes of a reply; all others are complete


@dataclass(frozen=True, slots=True)
class Interruption:
    """Why a run is ended from outside."""

    state: str
    reason: str


STOPPED = Interruption(State.STOPPED, "stopped")
LOST = Interruption(State.INTERRUPTED, "lost")  # another writer ended the turn, or it was deleted
SHUTDOWN = Interruption(State.INTERRUPTED, "shutdown")
TOO_LONG = Interruption(State.INTERRUPTED, "reply_too_long")
FIRST_TEXT_LATE = Interruption(State.FAILED, "provider_timeout")
IDLE = Interruption(State.INTERRUPTED, "provider_timeout")
TOTAL = Interruption(State.INTERRUPTED, "reply_timeout")


class ReplyTooLong(Exception):
    """The provider says more than `settings.MAX_REPLY_CHARS`."""


class RunningTurn:
    """A turn that this process runs: its log, what of it is stored, and its task."""

    def __init__(self, accepted: AcceptedTurn) -> None:
        self.accepted = accepted
        self.log = ReplyLog(accepted.chat_id, accepted.question.id, accepted.reply.id, accepted.number)
        for kind, text in accepted.kept:
            self.log.append(kind, text)
        self.kept = self.saved = self.log.length
        self.pending_since: float | None = None  # when the oldest shown, unsaved character was shown
        self.started = self.attempted_at = self.last_event = self.last_news = time.monotonic()
        self.attempts = 1
        self._most, self._patience = settings.MAX_REPLY_CHARS, settings.UNSAVED_SECONDS  # asked for with every token
        self.interruption: Interruption | None = None
        self.is_running = False  # a task that is cancelled before its first step would never end its turn
        self.over = False  # nothing more comes from the provider; only the end is still to be stored
        self.task: asyncio.Task[None] | None = None
        self.log.show()

    # --- text in ---------------------------------------------------------------------------------------------------
    def add(self, kind: str, text: str) -> None:
        """Take cleaned text; raise ReplyTooLong where it has no room left."""
        room = self._most - self.log.length
        if taken := text[:room] if len(text) > room else text:
            self.log.append(kind, taken)
            self._show(self.last_event)
        if len(text) > room:
            raise ReplyTooLong()

    def _show(self, now: float) -> None:
        """Show what has come, unless what was shown before has waited too long to be stored."""
        if self.pending_since is None:
            self.pending_since = now
        if now - self.pending_since < self._patience:
            self.last_news = now
            self.log.show()

    def pending(self) -> PendingChunks:
        """Return the pieces that a flush has to store."""
        at, pieces = self.saved, []
        for kind, text in self.log.parts(self.saved):
            pieces.append((at, kind, text))
            at += len(text)
        return PendingChunks(self.accepted.turn_id, self.accepted.epoch, pieces)

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
        if now - self.started > settings.REPLY_TIMEOUT:
            self.interrupt(TOTAL if self.log.length > self.kept else FIRST_TEXT_LATE)
        elif self.log.length == self.kept and now - self.attempted_at > settings.FIRST_TEXT_TIMEOUT:
            self.interrupt(FIRST_TEXT_LATE)
        elif self.log.length > self.kept and now - self.last_event > settings.IDLE_TIMEOUT:
            self.interrupt(IDLE)

    def attempted(self, count: int) -> None:
        """Note that another attempt at the provider begins; each has the full time to its first text."""
        self.attempts, self.attempted_at = count, time.monotonic()

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
            finished = await self._consume()
        except asyncio.CancelledError:
            return self._interrupted(self.interruption or SHUTDOWN)
        except ReplyTooLong:
            return self._interrupted(TOO_LONG)
        except ProviderError as error:
            return self._failed(error)
        except Exception:
            logger.exception("runner failed, turn %s", self.accepted.turn_id)
            return self._ended(State.INTERRUPTED if self._has_text else State.FAILED, "server_error")
        return self._completed(finished)

    async def _consume(self) -> Finished:
        model, prompt = self.accepted.model, self.accepted.prompt
        assert model is not None
        assert prompt is not None
        text, reasoning = Sanitizer(), Sanitizer()
        finished: Finished | None = None
        async with aclosing(stream(model.provider, prompt, self.attempted)) as events:
            del prompt
            async for event in events:
                self.accepted.prompt = None  # sent: a long context need not be kept for as long as the reply lasts
                self.last_event = time.monotonic()
                if isinstance(event, TextDelta):
                    self.add("text", text.feed(event.text))
                elif isinstance(event, ReasoningDelta):
                    self.add("reasoning", reasoning.feed(event.text))
                else:
                    finished = event
        self.add("text", text.flush())
        self.add("reasoning", reasoning.flush())
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
                logger.warning("turn %s was taken over; its readers wait for the other's end", self.accepted.turn_id)
            except (OperationalError, InterfaceError) as error:
                logger.error("end of turn %s not stored, trying again: %s", self.accepted.turn_id, error)
            except Exception:
                logger.exception("end of turn %s cannot be stored as it is", self.accepted.turn_id)
                if outcome.parts is None:
                    return self.log.mark_deleted()
                outcome = Outcome(State.INTERRUPTED, "server_error")  # what was flushed is kept
            await asyncio.sleep(delay)
            delay = min(delay * 2, COMMIT_PAUSE)

    async def _store(self, outcome: Outcome) -> MessageRow | None:
        accepted = self.accepted
        row = await database().write(retry_conflicts, finish, accepted.turn_id, accepted.epoch, outcome)
        if row is None:  # another writer ended the turn, or the chat was deleted
            found = await database().read(read_reply, accepted.chat_id, accepted.reply.id)
            return found.message if found else None
        row.siblings = accepted.reply.siblings  # no other is made while this one runs
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
            model or self.accepted.reply.model,
            self.accepted.reply.provider,
            usage.prompt if usage else None,
            usage.completion if usage else None,
            self.attempts,
        )

    def _completed(self, finished: Finished) -> Outcome:
        if not self._has_text:
            state = State.BLOCKED if finished.reason == "content_filter" else State.FAILED
            reason = "content_filter" if state == State.BLOCKED else "provider_empty"
            return self._ended(state, reason, finished.model, finished.usage)
        state = STATES.get(finished.reason, State.COMPLETE)
        return self._ended(state, finished.reason, finished.model, finished.usage)

    def _failed(self, error: ProviderError) -> Outcome:
        logger.warning("turn %s: %s from %s: %s", self.accepted.turn_id, error.code, error.provider, error)
        self.log.retry_after = error.retry_after
        if error.code == "content_filter":
            return self._ended(State.BLOCKED, error.code)
        return self._ended(State.INTERRUPTED if self._has_text else State.FAILED, error.code)

    def _interrupted(self, interruption: Interruption) -> Outcome:
        return self._ended(interruption.state, interruption.reason)
