"""Whether an event loop is behind with its work, as those may ask who could do theirs in larger portions."""

import asyncio
from contextvars import Context

from common.per_loop import per_loop

BEAT = 0.05  # seconds between looks
WEIGHT = 0.2  # of the newest look
BEHIND, CAUGHT_UP = 0.015, 0.004  # seconds that timers come late, on average
JOIN = 0.06  # seconds of a stream in one portion, while the loop is behind


class LoopLag:
    """Watches how late the timers of a loop come, for as long as somebody streams."""

    def __init__(self) -> None:
        self.is_behind = False
        self._late, self._streams = 0.0, 0
        self._watching: asyncio.Task[None] | None = None

    def enter(self) -> None:
        """Count a stream in."""
        self._streams += 1
        if self._watching is None or self._watching.done():
            self._watching = asyncio.get_running_loop().create_task(self._watch(), context=Context())

    def leave(self) -> None:
        """Count it out."""
        self._streams -= 1

    async def _watch(self) -> None:
        clock = asyncio.get_running_loop().time
        while self._streams:
            before = clock()
            await asyncio.sleep(BEAT)
            self.note(clock() - before - BEAT)
        self.is_behind, self._late = False, 0.0

    def note(self, late: float) -> None:
        """Take in how late a timer came, in seconds."""
        self._late += WEIGHT * (late - self._late)
        self.is_behind = self._late > (CAUGHT_UP if self.is_behind else BEHIND)


@per_loop
def loop_lag() -> LoopLag:
    """Return the pace of the running loop."""
    return LoopLag()
