"""What bounds a reply, and what becomes of it at a bound: time, length, characters no database stores, failures.

Stored and stateless replies alike are read through this.
"""

import time
from bisect import bisect_left
from dataclasses import dataclass

from django.conf import settings

from chats.errors import FAILURES, ReplyBlocked, ReplyFailed, ReplyInterrupted
from chats.models import State
from llm.client.errors import ProviderError
from llm.client.sanitize import Sanitizer
from llm.client.types import ReasoningDelta, RefusalDelta, TextDelta

BUSY_RETRY_AFTER = 5
GAP_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds


@dataclass(frozen=True, slots=True)
class Interruption:
    """Why a reply is ended from outside."""

    state: str
    reason: str


STOPPED = Interruption(State.STOPPED, "stopped")
LOST = Interruption(State.INTERRUPTED, "lost")  # another writer ended the turn, or it was deleted
SHUTDOWN = Interruption(State.INTERRUPTED, "shutdown")
TOO_LONG = Interruption(State.INTERRUPTED, "reply_too_long")
LIMIT_REACHED = Interruption(State.INTERRUPTED, "limit_reached")
TOO_MANY_STEPS = Interruption(State.INTERRUPTED, "too_many_steps")
FIRST_TEXT_LATE = Interruption(State.FAILED, "provider_timeout")
IDLE = Interruption(State.INTERRUPTED, "provider_timeout")
TOTAL = Interruption(State.INTERRUPTED, "reply_timeout")

# State and reason that a finish reason makes of a reply; with all others it is complete. What ended for a reason that
# nobody knows may have been cut.
UNSUCCESSFUL = {
    "content_filter": (State.BLOCKED, "content_filter"),
    "other": (State.INTERRUPTED, "provider_broken"),
}
EMPTY = (State.FAILED, "provider_empty")


class ReplyTooLong(Exception):
    """The provider says more than `settings.MAX_REPLY_CHARS`."""


class Clock:
    """The limits on first text, silence and total time; `heard` is when the provider was last heard of.

    `spent` are the seconds that a turn had run before it waited. While tools run, only the total counts.
    """

    def __init__(self, spent: float = 0.0) -> None:
        self.attempted = self.heard = time.monotonic()
        self.started = self.attempted - spent
        self.attempts, self._earlier = 1, 0
        self.is_asking = True
        self.gaps, self.gap_seconds = [0] * (len(GAP_BOUNDS) + 1), 0.0  # between the events of a call
        self._has_begun = False

    @property
    def spent(self) -> float:
        return time.monotonic() - self.started

    def pause(self) -> None:
        """Note that the provider has nothing more to say, until `resume`."""
        self.is_asking = False
        self._earlier = self.attempts

    def resume(self) -> None:
        self.is_asking = True
        self.attempted = self.heard = time.monotonic()

    def attempt(self, count: int) -> None:
        """Note that the provider is asked for the `count`th time; each attempt has the full time to its first text."""
        self.attempts, self.attempted = self._earlier + count, time.monotonic()
        self._has_begun = False

    def note_event(self) -> None:
        """Note that something has come; this is done for each token."""
        now = time.monotonic()
        if self._has_begun:
            gap = now - self.heard
            self.gaps[bisect_left(GAP_BOUNDS, gap)] += 1
            self.gap_seconds += gap
        self.heard, self._has_begun = now, True

    def overdue(self, now: float, has_text: bool) -> Interruption | None:
        """Return the limit that is exceeded."""
        if now - self.started > settings.REPLY_TIMEOUT:
            return TOTAL if has_text or self._earlier else FIRST_TEXT_LATE
        if not self.is_asking:
            return None
        if has_text:
            return IDLE if now - self.heard > settings.IDLE_TIMEOUT else None
        late = IDLE if self._earlier else FIRST_TEXT_LATE  # what an earlier step brought is kept
        return late if now - self.attempted > settings.FIRST_TEXT_TIMEOUT else None

    def left(self, now: float, has_text: bool) -> float:
        """Return the seconds until the next limit."""
        silence = self.heard + settings.IDLE_TIMEOUT if has_text else self.attempted + settings.FIRST_TEXT_TIMEOUT
        return max(0.0, min(silence, self.started + settings.REPLY_TIMEOUT) - now)


class Intake:
    """Cleans what a provider says and cuts it at `settings.MAX_REPLY_CHARS`."""

    def __init__(self, kept: int = 0) -> None:
        self.room = settings.MAX_REPLY_CHARS - kept
        kinds: tuple[type[TextDelta | ReasoningDelta], ...] = (TextDelta, ReasoningDelta, RefusalDelta)
        self._sanitizers = {kind: Sanitizer() for kind in kinds}

    def take(self, delta: TextDelta | ReasoningDelta) -> str:
        """Return the text of a delta, clean, as far as there is room; `room` below 0 says that there was not enough."""
        # Of a delta far longer than that no more is cleaned than will be used: two halves may become one character.
        text = self._sanitizers[type(delta)].feed(delta.text[: 2 * self.room + 2])
        self.room -= len(text)
        return text if self.room >= 0 else text[: self.room]

    def rest(self) -> list[TextDelta | ReasoningDelta]:
        """Return what was held back until the end."""
        left = {kind: sanitizer.flush() for kind, sanitizer in self._sanitizers.items()}
        return [kind(text) for kind, text in left.items() if text]


def outcome_of(error: ProviderError, has_text: bool) -> tuple[str, str]:
    """Return state and reason of a reply whose provider failed."""
    if error.code == "content_filter":
        return State.BLOCKED, error.code
    if error.code == TOO_LONG.reason:
        return TOO_LONG.state, TOO_LONG.reason
    return State.INTERRUPTED if has_text else State.FAILED, error.code


def outcome_for(finish_reason: str, has_answer: bool) -> tuple[str, str]:
    """Return state and reason of a reply whose provider has finished; thoughts alone are no answer."""
    state, reason = UNSUCCESSFUL.get(finish_reason, (State.COMPLETE, finish_reason))
    return (state, reason) if has_answer or state == State.BLOCKED else EMPTY


def failure_for(state: str, reason: str, retry_after: float | None = None) -> ReplyFailed | None:
    """Return what a waiting client is told of a reply that ended so without any text."""
    if state in (State.COMPLETE, State.STOPPED):
        return None
    if state == State.BLOCKED:
        return ReplyBlocked()
    if state == State.INTERRUPTED:
        return ReplyInterrupted(retry_after=1)
    kind = FAILURES.get(reason, ReplyFailed)
    return kind(retry_after=(retry_after or BUSY_RETRY_AFTER) if kind.status == 503 else None)
