"""The engine of one process: its running turns, the flush that stores them all, the sweep of what others left.

It lives on the server's loop; without a server (tests, commands) on a loop thread of its own.
"""

import asyncio
import logging
import os
import socket
import threading
import time
from uuid import UUID, uuid4

from django.conf import settings

from chats.models import State
from chats.turns.asking import Begun
from chats.turns.log import ReplyLog
from chats.turns.running import LOST, SHUTDOWN, STOPPED, RunningTurn
from chats.turns.store import Flushed, Outcome, Unsaved, expired_turns, finish, flush
from common.executor import database
from common.retrying import retry_conflicts

logger = logging.getLogger("parley.turns")


class Engine:
    """Runs turns; all methods but `launch_threadsafe` belong to its loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"[-64:]
        self.draining = False
        self._turns: dict[UUID, RunningTurn] = {}
        self._ticking: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to sweep; the flush ticks only while something runs."""
        self._sweeping = self.loop.create_task(self._sweep())

    # --- turns -------------------------------------------------------------------------------------------------------
    def launch_threadsafe(self, begun: Begun) -> None:
        """Run a turn whose recording has been committed."""
        self.loop.call_soon_threadsafe(self._launch, begun)

    def _launch(self, begun: Begun) -> None:
        turn = RunningTurn(begun)
        self._turns[begun.reply.id] = turn
        turn.task = self.loop.create_task(turn.run(self._done))
        if self.draining:
            turn.interrupt(SHUTDOWN)
        if self._ticking is None or self._ticking.done():
            self._ticking = self.loop.create_task(self._tick())

    def _done(self, turn: RunningTurn) -> None:
        del self._turns[turn.begun.reply.id]

    def log_of(self, reply_id: UUID) -> ReplyLog | None:
        """Return the log of a reply that runs here; hold the object, since the entry goes when the reply ends."""
        turn = self._turns.get(reply_id)
        return turn.log if turn else None

    def stop_here(self, reply_id: UUID) -> None:
        """Stop a reply at once if it runs here; elsewhere the mark in the database is found by the next flush."""
        if turn := self._turns.get(reply_id):
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
    async def stop(self) -> None:
        """Let running turns end within the grace, interrupt the rest, and wait until their ends are stored."""
        self.draining = True
        if self._sweeping:
            self._sweeping.cancel()
        deadline = time.monotonic() + settings.SHUTDOWN_GRACE_SECONDS
        while self._turns and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        tasks = [turn.task for turn in self._turns.values() if turn.task]
        for turn in list(self._turns.values()):
            turn.interrupt(SHUTDOWN)
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._ticking:
            self._ticking.cancel()


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
        await _engine.stop()
        _engine = None
