"""What wakes those who wait for changes: a commit of this process at once, any other at the next look.

The database is asked once a second, for all who wait in this process together.
"""

import asyncio
import logging
from contextvars import Context
from typing import Any, Protocol

from accounts.access import Claims
from chats.services.change_log import Position, users_with_news
from chats.signals import changes_committed
from common.executor import database
from common.per_loop import per_loop

logger = logging.getLogger("parley.feed")
LOOK_SECONDS = 1.0


class ChangeWaiter(Protocol):
    """Somebody who waits for the changes after a place."""

    claims: Claims
    after: Position | None

    def wake(self, *, committed_here: bool = False) -> None: ...

    def drain(self) -> None: ...


class Wakeups:
    """Those who wait on one event loop, by user."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, set[ChangeWaiter]] = {}
        self._task: asyncio.Task[None] | None = None
        changes_committed.connect(self._on_commit)

    def enter(self, one: ChangeWaiter) -> None:
        self._waiting.setdefault(one.claims.user_id, set()).add(one)
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._look_on(), context=Context())

    def leave(self, one: ChangeWaiter) -> None:
        alike = self._waiting.get(one.claims.user_id, set())
        alike.discard(one)
        if not alike:
            self._waiting.pop(one.claims.user_id, None)

    def drain(self) -> None:
        """End them all."""
        for one in [one for alike in self._waiting.values() for one in alike]:
            one.drain()

    def _on_commit(self, *, user_id: int, **_: Any) -> None:
        """Called on the thread of the commit."""
        if user_id in self._waiting:
            self._loop.call_soon_threadsafe(self._wake, user_id, True)

    def _wake(self, user_id: int, committed_here: bool = False) -> None:
        for one in self._waiting.get(user_id, ()):
            one.wake(committed_here=committed_here)

    async def _look_on(self) -> None:
        while self._waiting:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except Exception as error:
                logger.error("changes could not be looked for: %s", error)

    async def _look(self) -> None:
        """Wake whoever has news; who has no place yet is about to read."""
        places = {
            user_id: min(read)
            for user_id, alike in self._waiting.items()
            if (read := [one.after for one in alike if one.after is not None])
        }
        if places:
            for user_id in await database().read(users_with_news, places.items()):
                self._wake(user_id)


@per_loop
def wakeups() -> Wakeups:
    """Return the running loop's."""
    return Wakeups()


def end_readers() -> None:
    """End what waits on the running loop, whose server stops."""
    wakeups().drain()
