"""One client that waits for changes of its user: no thread and no database connection while it does."""

import asyncio
import time
from contextlib import suppress

from accounts.access import Claims, load_viewer
from accounts.errors import SessionEnded
from chats.connections import open_connections
from chats.errors import Draining
from chats.services.change_log import ChangesPage, Position, read_changes
from common.errors import ParleyError
from common.executor import database
from feed.wakeups import wakeups

AGAIN_SECONDS = 0.05


def read_own_changes(claims: Claims, after: Position | None, size: int) -> ChangesPage:
    """Return the changes of whoever asks, if their session still lets them in."""
    return read_changes(load_viewer(claims).id, after, size)


class ChangeReader:
    """A place in the log that moves on as it is read; from its making until `close` it counts as an open stream."""

    limit = "STREAMS_PER_USER"

    def __init__(self, claims: Claims, after: Position | None, size: int) -> None:
        self.claims, self.after, self._size = claims, after, size
        self._news, self._hidden = asyncio.Event(), False
        self._news.set()  # nobody has looked yet
        self._refusal: ParleyError | None = None
        open_connections().enter(self)
        wakeups().enter(self)

    async def next_page(self, seconds: float) -> ChangesPage | None:
        """Return what comes next, or None where nothing has come in time.

        Raises SessionEnded, CursorExpired, and Draining where the server is stopping.
        """
        deadline = time.monotonic() + seconds
        while await self._has_news(deadline - time.monotonic()):
            page = await self._read()
            if page.rows:
                return page
        return None

    async def _has_news(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        if self._refusal:
            raise self._refusal
        return self._news.is_set()

    async def _read(self) -> ChangesPage:
        self._news.clear()
        try:
            page = await database().read(read_own_changes, self.claims, self.after, self._size)
        except BaseException:
            self._news.set()  # it is still to be read
            raise
        self.after = page.next
        if page.more:
            self._news.set()
        elif self._hidden and not page.rows:
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._news.set)
        self._hidden = False
        return page

    def wake(self, *, committed_here: bool = False) -> None:
        """Have it look. What was committed here a moment ago may be hidden by an older transaction for another one."""
        self._hidden = self._hidden or committed_here
        self._news.set()

    def end(self) -> None:
        """End it, since its session has ended."""
        self._refuse(SessionEnded())

    def drain(self) -> None:
        """End it, since the server stops."""
        self._refuse(Draining(retry_after=1))

    def _refuse(self, refusal: ParleyError) -> None:
        self._refusal = refusal
        self._news.set()

    def close(self) -> None:
        """Count it out; once is enough, more does nothing."""
        open_connections().leave(self)
        wakeups().leave(self)
