"""The engine of one process: its running turns, the flush that stores them all, the sweep of what others left.

It lives on the server's loop; without a server (tests, commands) on a loop thread of its own.
"""

import asyncio
import contextlib
import logging
import os
import socket
import threading
import time
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings

from chats.models import State
from chats.turns.asking import Begun
from chats.turns.bus import Bus, Data
from chats.turns.log import ReplyLog
from chats.turns.mirroring import Mirrors
from chats.turns.relaying import Relays
from chats.turns.running import LOST, SHUTDOWN, STOPPED, RunningTurn
from chats.turns.store import Flushed, Outcome, Unsaved, expired_turns, finish, flush
from common.executor import database
from common.retrying import retry_conflicts

logger = logging.getLogger("parley.turns")

STORE_SECONDS = 4.0  # how long a stopping process tries to store the ends of its turns


class Engine:
    """Runs turns; all methods but the `…_threadsafe` ones belong to its loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"[-64:]
        self.draining = False
        self.bus = Bus(self.name, self._hear, self._obey)
        self.mirrors = Mirrors(self.bus)
        self._relays = Relays(self.bus)
        self._turns: dict[UUID, RunningTurn] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._ticking: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to sweep and to listen; the flush ticks only while something runs."""
        self.bus.start()
        self._sweeping = self.loop.create_task(self._sweep())

    # --- turns -------------------------------------------------------------------------------------------------------
    def launch_threadsafe(self, begun: Begun) -> None:
        """Run a turn whose recording has been committed."""
        self.loop.call_soon_threadsafe(self._launch, begun)

    def _launch(self, begun: Begun) -> None:
        turn = RunningTurn(begun)
        self._turns[begun.reply.id] = turn
        self._idle.clear()
        turn.task = self.loop.create_task(turn.run(self._done))
        if self.draining:
            turn.interrupt(SHUTDOWN)
        if self._ticking is None or self._ticking.done():
            self._ticking = self.loop.create_task(self._tick())

    def _done(self, turn: RunningTurn) -> None:
        del self._turns[turn.begun.reply.id]
        self._relays.forget(turn.begun.reply.id)
        if not self._turns:
            self._idle.set()

    def log_of(self, reply_id: UUID) -> ReplyLog | None:
        """Return the log of a reply that runs here; hold the object, since the entry goes when the reply ends."""
        turn = self._turns.get(reply_id)
        return turn.log if turn else None

    def stop_threadsafe(self, reply_id: UUID, owner: str) -> None:
        """Stop a reply at once; the mark in the database, which the next flush finds, is what counts."""
        self.loop.call_soon_threadsafe(self._stop, reply_id, owner)

    def _stop(self, reply_id: UUID, owner: str) -> None:
        if turn := self._turns.get(reply_id):
            turn.interrupt(STOPPED)
        else:
            self.bus.tell(owner, {"stop": reply_id})

    # --- other processes ---------------------------------------------------------------------------------------------
    def _hear(self, reply_id: UUID, data: Data) -> None:
        self.mirrors.hear(reply_id, data)

    def _obey(self, content: dict[str, Any]) -> None:
        """Do what another process asks for a reply that runs here."""
        turn = self._turns.get(UUID(content.get("want") or content["stop"]))
        if turn and "want" in content:
            self._relays.want(turn.log, int(content["from"]))
        elif turn:
            turn.interrupt(STOPPED)

    # --- flush -------------------------------------------------------------------------------------------------------
    async def _tick(self) -> None:
        while self._turns:
            await asyncio.sleep(settings.FLUSH_SECONDS)
            try:
                await self._flush()
            except Exception:
                logger.exception("flush failed")
            self._check(time.monotonic())

    def _check(self, now: float) -> None:
        for turn in list(self._turns.values()):
            turn.check_time(now)
            if now - turn.last_news > settings.KEEPALIVE_SECONDS:
                turn.last_news = now
                turn.log.remind()

    async def _flush(self) -> None:
        taken_at = time.monotonic()
        batch = {turn.begun.turn_id: (turn, turn.log.length, turn.unsaved()) for turn in self._turns.values()}
        if not batch:
            return
        try:
            results = [await database().write(flush, [unsaved for _, _, unsaved in batch.values()])]
        except Exception:
            logger.exception("flushing %d replies together failed, trying one by one", len(batch))
            results = [await self._flush_alone(unsaved) for _, _, unsaved in batch.values()]
        for result in results:
            for turn_id in result.saved:
                turn, length, _ = batch[turn_id]
                turn.stored(length, taken_at)
            for turn_id in result.stopped:
                batch[turn_id][0].interrupt(STOPPED)
            for turn_id in result.lost:
                batch[turn_id][0].interrupt(LOST)

    async def _flush_alone(self, unsaved: Unsaved) -> Flushed:
        try:
            return await database().write(flush, [unsaved])
        except Exception:
            logger.exception("flush of turn %s failed", unsaved.turn_id)
            return Flushed()

    # --- sweep -------------------------------------------------------------------------------------------------------
    async def _sweep(self) -> None:
        while True:
            try:
                await database().write(sweep)
            except Exception:
                logger.exception("sweep failed")
            await asyncio.sleep(settings.SWEEP_SECONDS)

    # --- end ---------------------------------------------------------------------------------------------------------
    async def drain(self) -> None:
        """Take no new turns, let the running ones end within the grace, interrupt the rest, wait for their ends."""
        self.draining = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), settings.SHUTDOWN_GRACE_SECONDS)
        for turn in list(self._turns.values()):
            turn.interrupt(SHUTDOWN)
        with contextlib.suppress(TimeoutError):  # what cannot be stored now is ended by the sweep of another process
            await asyncio.wait_for(self._idle.wait(), STORE_SECONDS)

    async def close(self) -> None:
        """Drain, then end the engine's own tasks."""
        await self.drain()
        for task in (self._sweeping, self._ticking):
            if task:
                task.cancel()
        await self.bus.stop()


def sweep() -> int:
    """End every turn whose process let its lease expire as `interrupted`, its text kept; return how many."""
    ended = 0
    for turn_id, epoch in expired_turns():
        outcome = Outcome(State.INTERRUPTED, "process_lost")
        ended += retry_conflicts(finish, turn_id, epoch, outcome) is not None
    if ended:
        logger.warning("ended %d turns that lost their process", ended)
    return ended


_engine: Engine | None = None
_lock = threading.Lock()


def engine() -> Engine:
    """Return this process's engine; without a server it gets a loop thread of its own."""
    global _engine
    with _lock:
        if _engine is None or _engine.loop.is_closed():
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="engine", daemon=True).start()
            _engine = Engine(loop)
            loop.call_soon_threadsafe(_engine.start)
        return _engine


async def start_engine() -> None:
    """Make the running loop the engine's home; called when a server starts."""
    global _engine
    with _lock:
        _engine = Engine(asyncio.get_running_loop())
    _engine.start()


async def stop_engine() -> None:
    """Drain the engine; called when a server stops."""
    global _engine
    if _engine is not None:
        await _engine.close()
        _engine = None
