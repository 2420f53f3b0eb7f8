"""The open chat pages of this process, and when what they show has changed.

The database is asked, once a second for all of them together, since a change may come from any door and any process.
"""

import asyncio
import logging
from contextvars import Context
from typing import Protocol
from uuid import UUID

from chats.pages.thread import ThreadState, states_of
from common.executor import database
from common.per_loop import per_loop

logger = logging.getLogger("parley.pages")
LOOK_SECONDS = 1.0


class OpenPage(Protocol):
    """An open page."""

    chat_id: UUID
    changed: asyncio.Event


class ChangePoller:
    """Looks after the pages of one event loop."""

    def __init__(self) -> None:
        self._pages: dict[UUID, set[OpenPage]] = {}
        self._known: dict[UUID, ThreadState | None] = {}
        self._task: asyncio.Task[None] | None = None

    def enter(self, page: OpenPage) -> None:
        """Watch a page."""
        self._pages.setdefault(page.chat_id, set()).add(page)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look_on(), context=Context())

    def leave(self, page: OpenPage) -> None:
        """Stop watching a page."""
        pages = self._pages.get(page.chat_id, set())
        if page not in pages:
            return
        pages.discard(page)
        if not pages:
            del self._pages[page.chat_id]
            self._known.pop(page.chat_id, None)

    def nudge(self, chat_id: UUID) -> None:
        """Have the pages of a chat look at once."""
        for page in self._pages.get(chat_id, ()):
            page.changed.set()

    async def _look_on(self) -> None:
        while self._pages:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except Exception:
                logger.exception("open pages could not be looked after")

    async def _look(self) -> None:
        wanted = list(self._pages)
        for at in range(0, len(wanted), 500):
            some = wanted[at : at + 500]
            found = await database().read(states_of, some)
            for chat_id in set(some) & self._pages.keys():
                if chat_id not in self._known or self._known[chat_id] != found.get(chat_id):
                    self.nudge(chat_id)
                self._known[chat_id] = found.get(chat_id)


@per_loop
def change_poller() -> ChangePoller:
    """Return the running loop's poller."""
    return ChangePoller()
