"""One open page: keeps what it shows up to date with the chat, through frames."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

from accounts.access import Claims, load_viewer
from chats import turns
from chats.models import State
from chats.pages.rendering import fragments
from chats.pages.rendering.live_reply import LiveReply
from chats.pages.sidebar import sidebar_frame
from chats.pages.thread import NEW, Thread, ThreadState, open_state, read_thread
from chats.rows import MessageRow
from chats.turns.events import Delta, End
from common.executor import database

logger = logging.getLogger("parley.pages")
SPOKEN = 600  # characters of an answer that a screen reader is given


@dataclass(frozen=True, slots=True)
class ClientState:
    """What a browser shows: the last message, up to how many, and whether that was still being written."""

    head: UUID | None
    size: int
    busy: bool


class PageSession:
    """What the browser says that it shows already spares it from being painted again."""

    def __init__(
        self, claims: Claims, chat_id: UUID, seen: ClientState, send: Callable[[str], Awaitable[None]]
    ) -> None:
        self.claims, self.chat_id, self._seen, self._send = claims, chat_id, seen, send
        self.changed = asyncio.Event()
        self.gone = False
        self._state: ThreadState | None = None
        self._shown: list[UUID] = []
        self._live: asyncio.Task[None] | None = None

    async def sync(self) -> None:
        """Bring the page up to date."""
        state = await database().read(self._read_state)
        before, self._state = self._state, state
        if before and before.head and not state.head:
            self.gone = True
            await self._send(fragments.notice_frame("This chat was deleted.", "/", "Start a new one"))
        elif before is None or state.head != before.head:
            await self._show_branch(state, first=before is None)
        elif state.head_state == State.STREAMING and self._live is None:
            await self._show_branch(state, first=False)
        if before and _named(before) != _named(state):
            await self._send(await database().read(sidebar_frame, self.claims, self.chat_id))

    def _read_state(self) -> ThreadState:
        return open_state(load_viewer(self.claims).id, self.chat_id)

    async def _show_branch(self, state: ThreadState, first: bool) -> None:
        self.close()
        seen = self._seen
        if first and seen.head:
            stale = await database().read(read_thread, self.chat_id, seen.head, seen.size)
            self._shown = [row.id for row in stale.rows]
        thread = await database().read(read_thread, self.chat_id, state.head, seen.size)
        last = thread.rows[-1] if thread.rows else None
        if first and last and last.id == seen.head and not seen.busy and last.state != State.STREAMING:
            return
        live = LiveReply(self.chat_id, last) if last and last.state == State.STREAMING else None
        frame = await asyncio.to_thread(self._difference, thread, live)
        await self._send(frame + fragments.state_frame(replace(state, head_state=last.state if last else "")))
        self._shown = [row.id for row in thread.rows]
        if live:
            await self._send(fragments.announce_frame("Answering…"))
            self._live = asyncio.create_task(self._follow(live))
        elif last and not first:
            await self._send(_spoken(last))

    def _difference(self, thread: Thread, live: LiveReply | None) -> str:
        """Return the frame that turns the messages shown into those of the thread; the last is painted again."""
        new = [row.id for row in thread.rows]
        kept = _kept(self._shown, new)
        if kept and kept == len(new):
            kept -= 1  # it may have grown, or ended, since
        removed = self._shown[self._shown.index(new[0]) + kept :] if kept else []
        views = fragments.thread_views(Thread(thread.rows[kept:], thread.thumbs, thread.older))
        if live:
            views[-1] = live.view()
        return fragments.thread_frame(self.chat_id, removed, views, whole=not kept)

    async def _follow(self, live: LiveReply) -> None:
        try:
            async for event in turns.follow(self.chat_id, live.id, live.position):
                if isinstance(event, Delta) and event.at != live.position:
                    break  # text that was shown is withdrawn: paint again
                if isinstance(event, Delta):
                    await self._send(await asyncio.to_thread(live.grow, event) if live.big else live.grow(event))
                    await asyncio.sleep(live.pause)
                elif isinstance(event, End):
                    await self._finish(live, event)
                    return
        except Exception:
            logger.exception("a page lost its reply")
            await asyncio.sleep(1)
        self._live = None
        self.changed.set()

    async def _finish(self, live: LiveReply, end: End) -> None:
        assert self._state is not None
        self._state = replace(self._state, head_state=end.message.state)
        frame = await asyncio.to_thread(live.end, end)
        self._live = None
        await self._send(frame + fragments.state_frame(self._state) + _spoken(end.message))

    def close(self) -> None:
        """Stop following."""
        if self._live:
            self._live.cancel()
            self._live = None


def _spoken(row: MessageRow) -> str:
    return fragments.announce_frame(f"Answer: {row.content[:SPOKEN]}")


def _named(state: ThreadState) -> tuple[object, ...]:
    """Return what the list of chats shows of it."""
    return state.title, state.pinned, state.folder, state.head is None and state == NEW


def _kept(shown: list[UUID], new: list[UUID]) -> int:
    """Return how many of the new messages the page has already, counted from the first."""
    if not new or new[0] not in shown:
        return 0
    start = shown.index(new[0])
    pairs = zip(shown[start:], new, strict=False)
    return next((at for at, (old, wanted) in enumerate(pairs) if old != wanted), min(len(shown) - start, len(new)))
