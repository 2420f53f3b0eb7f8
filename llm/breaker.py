"""Providers that keep failing are passed over for a while, where another can answer. Each process knows its own."""

import time
from collections import deque

from django.conf import settings

FAILURES, MOST_REST_SECONDS = 5, 600.0


class Breaker:
    """One provider: passed over after `FAILURES` within `BREAKER_SECONDS`, until after a rest a trial succeeds."""

    def __init__(self) -> None:
        self._failed_at: deque[float] = deque(maxlen=FAILURES)
        self._rests_until = 0.0

    def lets_through(self, now: float) -> bool:
        """Tell whether the provider may be asked; the first one after its rest is the trial, and others wait for it."""
        if not self._rests_until:
            return True
        if now < self._rests_until:
            return False
        self._rests_until = now + settings.BREAKER_SECONDS
        return True

    def rests(self, now: float) -> bool:
        return now < self._rests_until

    def note_failures(self, count: int, retry_after: float | None, now: float) -> None:
        was_trial = bool(self._rests_until)
        self._failed_at.extend([now] * count)
        often = len(self._failed_at) == FAILURES and now - self._failed_at[0] <= settings.BREAKER_SECONDS
        if often or was_trial:
            self._rests_until = now + min(retry_after or settings.BREAKER_SECONDS, MOST_REST_SECONDS)

    def note_answer(self) -> None:
        self._failed_at.clear()
        self._rests_until = 0.0


_breakers: dict[str, Breaker] = {}


def lets_through(provider: str) -> bool:
    breaker = _breakers.get(provider)
    return breaker is None or breaker.lets_through(time.monotonic())


def note_failures(provider: str, count: int = 1, retry_after: float | None = None) -> None:
    """Note that a provider has failed so many times: overloaded, out of reach, or silent."""
    _breakers.setdefault(provider, Breaker()).note_failures(count, retry_after, time.monotonic())


def note_answer(provider: str) -> None:
    """Note that a provider answers."""
    if breaker := _breakers.get(provider):
        breaker.note_answer()


def resting() -> dict[str, bool]:
    """Tell of each provider that has failed whether it is passed over now."""
    now = time.monotonic()
    return {provider: breaker.rests(now) for provider, breaker in _breakers.items()}


def let_all_through() -> None:
    """Let all providers through again."""
    _breakers.clear()
