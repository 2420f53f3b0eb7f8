"""What a process has under way for Stream: errands of the hook, replies on their way, and what others left undone."""

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

from chats.turns.engine import engine
from common.executor import database
from common.per_loop import per_loop
from llm.moderation import OpenAIModerator, moderation_enabled, moderator, prepare_client
from streamchat.client import Client
from streamchat.identity import is_configured
from streamchat.leases import are_due, renew, take_over
from streamchat.reply_poster import Due, ReplyPoster

logger = logging.getLogger("parley.stream")
T = TypeVar("T")
CLOSING_SECONDS = 3.0


class Worker:
    """Belongs to one event loop; its tasks are nobody's children, so a webhook that hangs up ends none of them."""

    def __init__(self) -> None:
        self.client = Client()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._held: Counter[UUID] = Counter()

    def begin(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run something to its end."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits for it hears of it; a hook that gave up waiting need not

    def keep(self, row_id: UUID) -> None:
        """Renew the lease of a reply from now on."""
        self._held[row_id] += 1

    def let_go(self, row_id: UUID) -> None:
        """Renew its lease no longer."""
        self._held[row_id] -= 1
        if self._held[row_id] <= 0:
            del self._held[row_id]

    def post_reply(self, due: Due) -> None:
        """Bring a reply into its channel."""
        self.keep(due.row_id)
        self.begin(self._post_reply(due))

    async def _post_reply(self, due: Due) -> None:
        try:
            await ReplyPoster(due, self.client).run()
        except Exception:
            logger.exception("%s failed", due.message_id)
        finally:
            self.let_go(due.row_id)

    async def sweep(self) -> None:
        """Renew the leases held here and take over what lost its process."""
        if self._held:
            await database().write(renew, list(self._held))
        if await database().read(are_due):
            for due in await database().write(take_over, engine().name):
                logger.warning("%s lost its process", due.message_id)
                self.post_reply(due)

    async def close(self) -> None:
        """Let what is under way end, for a moment; the rest is left to another process, or to the next start."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSING_SECONDS)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.close()


@per_loop
def worker() -> Worker:
    """Return the running loop's worker."""
    return Worker()


async def sweep_replies() -> None:
    """Have the running loop's worker sweep, where Stream is set up."""
    if is_configured():
        await worker().sweep()


async def start_worker() -> None:
    """Import what the first webhook could not wait for; called when a server starts, which takes that much longer."""
    if is_configured():
        await worker().client.sdk()
        if moderation_enabled() and isinstance(moderator(), OpenAIModerator):
            await prepare_client()


async def close_worker() -> None:
    """Finish what can be finished; called when a server stops, after its turns have ended."""
    if found := worker.pop():
        await found.close()
