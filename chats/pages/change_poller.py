"""The open chat pages of this process: when what they show has changed, and when their sessions have ended.

The database is asked, once a second for all of them together, since a change may come from any door and any process.
"""

import asyncio
import logging
from collections import Counter
from typing import Protocol
from uuid import UUID

from django.conf import settings

from accounts.access import Claims, ended_sessions
from chats.errors import TooManyStreams
from chats.pages.thread import ThreadState, states_of
from common.executor import database

logger = logging.getLogger("parley.pages")
LOOK_SECONDS = 1.0
SESSIONS_EVERY = 10  # looks


class OpenPage(Protocol):
    """An open page."""

    claims: Claims
    chat_id: UUID
    changed: asyncio.Event
    ended: bool


class ChangePoller:
    """Used on one event loop only."""

    def __init__(self) -> None:
        self._pages: dict[UUID, set[OpenPage]] = {}
        self._users: Counter[int] = Counter()
        self._known: dict[UUID, ThreadState | None] = {}
        self._task: asyncio.Task[None] | None = None

    def enter(self, page: OpenPage) -> None:
        """Watch a page; raise TooManyStreams beyond `settings.SOCKETS_PER_USER`."""
        user = page.claims.user_id
        if self._users[user] >= settings.SOCKETS_PER_USER:
            raise TooManyStreams(retry_after=5)
        self._users[user] += 1
        self._pages.setdefault(page.chat_id, set()).add(page)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look_on())

    def leave(self, page: OpenPage) -> None:
        """Stop watching a page."""
        pages = self._pages.get(page.chat_id, set())
        if page not in pages:
            return
        pages.discard(page)
        self._users -= Counter([page.claims.user_id])  # drops who has none left
        if not pages:
            del self._pages[page.chat_id]
            self._known.pop(page.chat_id, None)

    def nudge(self, chat_id: UUID) -> None:
        """Have the pages of a chat look at once."""
        for page in self._pages.get(chat_id, ()):
            page.changed.set()

    async def _look_on(self) -> None:
        looks = 0
        while self._pages:
            await asyncio.sleep(LOOK_SECONDS)
            looks += 1
            try:
                await self._look()
                if looks % SESSIONS_EVERY == 0:
                    await self._end_sessions()
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

    async def _end_sessions(self) -> None:
        pages = [page for pages in self._pages.values() for page in pages]
        ended = await database().read(ended_sessions, {page.claims.session_id for page in pages})
        for page in pages:
            if page.claims.session_id in ended:
                page.ended = True
                page.changed.set()


change_poller = ChangePoller()
