"""One open page: keeps what it shows up to date with the chat, through frames."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

from accounts.access import Claims, load_viewer
from chats import turns
from chats.models import UNFINISHED, State
from chats.pages.rendering import fragments
from chats.pages.rendering.live_reply import LiveReply
from chats.pages.sidebar import sidebar_frame
from chats.pages.thread import NEW, Thread, ThreadState, open_state, read_thread
from chats.parts import DECISION, is_text
from chats.rows import MessageRow
from chats.turns.events import Delta, End, ToolInput, Waiting
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
        self._live: LiveReply | None = None
        self._following: asyncio.Task[None] | None = None

    async def sync(self) -> None:
        """Bring the page up to date."""
        state = await database().read(self._read_state)
        before, self._state = self._state, state
        if before and before.head and not state.head:
            self.gone = True
            await self._send(fragments.notice_frame("This chat was deleted.", "/", "Start a new one"))
        elif before is None or state.head != before.head:
            await self._show_branch(state, first=before is None)
        elif state.head_state in UNFINISHED and self._live is None:
            await self._show_branch(state, first=False)
        elif state.decided != before.decided:
            await self._ask_rest()
        if before and _named(before) != _named(state):
            await self._send(await database().read(sidebar_frame, self.claims, self.chat_id))

    def _read_state(self) -> ThreadState:
        return open_state(load_viewer(self.claims).id, self.chat_id)

    async def _show_branch(self, state: ThreadState, first: bool) -> None:
        seen = self._seen
        is_half = self._live is not None or (first and seen.busy)
        self.close()
        if first and seen.head:
            stale = await database().read(read_thread, self.chat_id, seen.head, seen.size)
            self._shown = [row.id for row in stale.rows]
        thread = await database().read(read_thread, self.chat_id, state.head, seen.size)
        last = thread.rows[-1] if thread.rows else None
        if first and last and last.id == seen.head and not seen.busy and last.state not in UNFINISHED:
            return
        live = LiveReply(self.chat_id, last, thread.waiting) if last and last.state in UNFINISHED else None
        frame = await asyncio.to_thread(self._difference, thread, live, is_half)
        await self._send(frame + fragments.state_frame(replace(state, head_state=last.state if last else "")))
        self._shown = [row.id for row in thread.rows]
        if live:
            await self._send(_asked(thread.waiting) if thread.waiting else fragments.announce_frame("Answering…"))
            self._live, self._following = live, asyncio.create_task(self._follow(live))
        elif last and not first:
            await self._send(_spoken(last))

    def _difference(self, thread: Thread, live: LiveReply | None, is_half: bool) -> str:
        """Return the frame that turns the messages shown into those of the thread.

        The last of the thread is painted again, and the last one shown where it `is_half`: either may have ended since.
        """
        new = [row.id for row in thread.rows]
        kept = _kept(self._shown, new)
        if kept and (kept == len(new) or (is_half and new[kept - 1] == self._shown[-1])):
            kept -= 1
        removed = self._shown[self._shown.index(new[0]) + kept :] if kept else []
        views = fragments.thread_views(replace(thread, rows=thread.rows[kept:]))
        if live:
            views[-1] = live.view()
        return fragments.thread_frame(self.chat_id, removed, views, whole=not kept)

    # --- following the last reply ------------------------------------------------------------------------------------
    async def _follow(self, live: LiveReply) -> None:
        try:
            async for event in turns.follow(self.chat_id, live.id, live.position):
                if isinstance(event, Delta) and event.at != live.position:
                    break  # text that was shown is withdrawn: paint again
                if isinstance(event, Delta):
                    await self._grow(live, event)
                elif isinstance(event, ToolInput):
                    await self._send(live.write(event))
                    await asyncio.sleep(live.pause)
                elif isinstance(event, Waiting):
                    await self._wait(live, event)
                elif isinstance(event, End):
                    await self._finish(live, event)
                    return
        except Exception:
            logger.exception("a page lost its reply")
            await asyncio.sleep(1)
        self._live = None
        self.changed.set()

    async def _grow(self, live: LiveReply, delta: Delta) -> None:
        frame = await asyncio.to_thread(live.grow, delta) if live.big else live.grow(delta)
        if delta.kind == DECISION:
            frame += self._now(State.STREAMING)
        if frame:
            await self._send(frame)
        if is_text(delta.kind):
            await asyncio.sleep(live.pause)

    async def _wait(self, live: LiveReply, waiting: Waiting) -> None:
        if frame := live.wait(waiting):
            await self._send(frame + self._now(State.WAITING) + _asked(waiting))

    async def _ask_rest(self) -> None:
        """Show which calls are still open after a decision on others."""
        live = self._live
        waiting = await database().read(turns.waiting_for, self.chat_id, live.id) if live else None
        if live and waiting and live is self._live:
            await self._wait(live, waiting)

    async def _finish(self, live: LiveReply, end: End) -> None:
        frame = await asyncio.to_thread(live.end, end)
        self._live = None
        await self._send(frame + self._now(end.message.state) + _spoken(end.message))

    def _now(self, state: str) -> str:
        assert self._state is not None
        self._state = replace(self._state, head_state=state)
        return fragments.state_frame(self._state)

    def close(self) -> None:
        """Stop following."""
        if self._following:
            self._following.cancel()
        self._live = self._following = None


def _asked(waiting: Waiting) -> str:
    titles = ", ".join([call.get("title") or call["name"] for call in waiting.calls])
    return fragments.announce_frame(f"Your decision is needed: {titles}")


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
