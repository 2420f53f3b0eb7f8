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
from collections.abc import Collection
from contextvars import Context
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import InterfaceError, OperationalError

from chats.signals import replies_flushed, turn_expired
from chats.turns.auto_title import give_title, wants_title
from chats.turns.ends import end_expired_turn, expired_turns
from chats.turns.limits import LOST, SHUTDOWN, STOPPED
from chats.turns.replication.mirror import Mirrors
from chats.turns.replication.publisher import Publishers
from chats.turns.replication.pubsub import Data, ReplyPubSub
from chats.turns.reply_log import ReplyLog
from chats.turns.requests import AcceptedTurn
from chats.turns.runner import RunningTurn
from chats.turns.writes import Flushed, PendingChunks, flush
from common.executor import database
from common.retrying import retry_conflicts
from usage import holds

logger = logging.getLogger("parley.turns")

STORE_SECONDS = 4.0  # how long a stopping process tries to store the ends of its turns


class Engine:
    """Runs turns; all methods but the `…_threadsafe` ones belong to its loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, is_served: bool = False) -> None:
        self.loop, self.is_served = loop, is_served
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"[-64:]
        self.draining = False
        self.pubsub = ReplyPubSub(self.name, self._on_data, self._handle_command)
        self.mirrors = Mirrors(self.pubsub)
        self._publishers = Publishers(self.pubsub)
        self._turns: dict[UUID, RunningTurn] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._ticking: asyncio.Task[None] | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._titling: set[asyncio.Task[None]] = set()
        self._database_away = False
        self._sweep_from = 0.0

    def start(self) -> None:
        """Begin to listen; the flush ticks only while something runs."""
        self.pubsub.start()

    # --- turns -------------------------------------------------------------------------------------------------------
    def launch_threadsafe(self, accepted: AcceptedTurn) -> None:
        """Run a turn whose recording has been committed."""
        self.loop.call_soon_threadsafe(self._launch, accepted)

    def _launch(self, accepted: AcceptedTurn) -> None:
        turn = RunningTurn(accepted)
        self._turns[accepted.reply.id] = turn
        self._publishers.forget(accepted.reply.id)  # that of a run that has come to wait
        self.mirrors.retire(accepted.reply.id)
        self._idle.clear()
        turn.task = self.loop.create_task(turn.run(self._done))
        if self.draining:
            turn.interrupt(SHUTDOWN)
        if self._ticking is None or self._ticking.done():
            self._ticking = self.loop.create_task(self._tick(), context=Context())  # it serves all of them

    def _done(self, turn: RunningTurn) -> None:
        if self._turns.get(turn.reply.id) is turn:  # a decision may have been quicker, and the next run be there
            del self._turns[turn.reply.id]
            self._publishers.forget(turn.reply.id)
        if not self._turns:
            self._idle.set()
        reply = turn.log.end.message if turn.log.end else None
        if reply is not None and wants_title(turn.number, reply) and not self.draining:
            task = self.loop.create_task(give_title(turn.asking, turn.chat_id, turn.question.content, reply.content))
            self._titling.add(task)
            task.add_done_callback(self._titling.discard)

    def load(self) -> tuple[int, float]:
        """Return how many turns run here, and for how many seconds the oldest text shown has not been stored."""
        since = [turn.pending_since for turn in self._turns.values() if turn.pending_since is not None]
        return len(self._turns), time.monotonic() - min(since) if since else 0.0

    def log_of(self, reply_id: UUID) -> ReplyLog | None:
        """Return the log of a reply that runs here; hold the object, since the entry goes when the reply ends."""
        turn = self._turns.get(reply_id)
        return turn.log if turn and not turn.log.retired else None

    def changed_threadsafe(self, reply_id: UUID) -> None:
        """Have a reply that waited looked at by whoever follows it, here and elsewhere."""
        self.loop.call_soon_threadsafe(self._changed, reply_id)

    def _changed(self, reply_id: UUID) -> None:
        self.mirrors.on_data(reply_id, [])
        self.pubsub.publish(reply_id, [])

    def stop_threadsafe(self, reply_id: UUID, owner: str) -> None:
        """Stop a reply at once; the mark in the database, which the next flush finds, is what counts."""
        self.loop.call_soon_threadsafe(self._stop, reply_id, owner)

    def _stop(self, reply_id: UUID, owner: str) -> None:
        if turn := self._turns.get(reply_id):
            turn.interrupt(STOPPED)
        else:
            self.pubsub.send(owner, {"stop": reply_id})

    # --- other processes ---------------------------------------------------------------------------------------------
    def _on_data(self, reply_id: UUID, data: Data) -> None:
        self.mirrors.on_data(reply_id, data)

    def _handle_command(self, content: dict[str, Any]) -> None:
        """Do what another process asks for a reply that runs here."""
        turn = self._turns.get(UUID(content.get("subscribe") or content["stop"]))
        if turn and "subscribe" in content:
            self._publishers.subscribe(turn.log, int(content["from"]))
        elif turn:
            turn.interrupt(STOPPED)

    # --- flush -------------------------------------------------------------------------------------------------------
    async def _tick(self) -> None:
        """Flush again and again, one flush at a time; clocks and keep-alives do not wait for a slow database."""
        while self._turns:
            await asyncio.sleep(settings.FLUSH_SECONDS)
            if self._flushing is None or self._flushing.done():
                self._flushing = self.loop.create_task(self._flush())
            self._check(time.monotonic())

    def _check(self, now: float) -> None:
        for turn in list(self._turns.values()):
            turn.check_time(now)
            if now - turn.last_news > settings.KEEPALIVE_SECONDS:
                turn.last_news = now
                turn.log.wake()

    async def _flush(self) -> None:
        taken_at = time.monotonic()
        batch = {turn.id: (turn, turn.log.length, turn.pending()) for turn in self._turns.values()}
        if not batch:
            return
        for result in await self._store([pending for _, _, pending in batch.values()]):
            for turn_id in result.saved:
                turn, length, _ = batch[turn_id]
                turn.stored(length, taken_at)
            for turn_id in result.stopped:
                batch[turn_id][0].interrupt(STOPPED)
            for turn_id in result.lost:
                batch[turn_id][0].interrupt(LOST)
        replies_flushed.send_robust(Engine, seconds=time.monotonic() - taken_at, replies=len(batch))

    async def _store(self, batch: list[PendingChunks]) -> list[Flushed]:
        """Store a batch; where one of it cannot be stored, each alone. A database that is away is asked again later."""
        try:
            return [await database().flush(flush, batch)]
        except (OperationalError, InterfaceError) as error:
            logger.error("%d running replies not stored, trying again: %s", len(batch), error)
            self._database_away = True
            return []
        except Exception:
            logger.exception("flush failed, turns %s", ", ".join(str(pending.turn_id) for pending in batch))
            return [] if len(batch) == 1 else [one for pending in batch for one in await self._store([pending])]

    # --- sweep -------------------------------------------------------------------------------------------------------
    async def sweep(self) -> int:
        """End what other processes left; return how many turns that were."""
        now = time.monotonic()
        try:
            if holds.alive:
                await database().write(holds.renew_holds)
            found = await database().read(expired_turns)
            lost = await database().read(holds.lost_holds)
            if self._database_away:  # nobody could renew a lease; their owners come first
                self._database_away, self._sweep_from = False, now + settings.LEASE_SECONDS
            if now < self._sweep_from:
                return 0
            if lost:
                await database().write(holds.settle_lost, lost)
            if not found:
                return 0
            running = {(turn.id, turn.epoch) for turn in self._turns.values()}
            return await database().write(end_expired, running)
        except Exception:
            self._database_away = True
            raise

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
        for task in (self._ticking, self._flushing, *self._titling):
            if task:
                task.cancel()
        await self.pubsub.stop()


def end_expired(running: Collection[tuple[int, int]] = ()) -> int:
    """End every turn as `interrupted` whose process let its lease expire, or that nobody decided on; return how many.

    `running` are the caller's own turns and their epochs: they are alive, however late their leases are renewed.
    """
    ended = 0
    for turn_id, epoch, state in expired_turns():
        if (turn_id, epoch) not in running and _end_lost(turn_id, epoch, state):
            ended += 1
            turn_expired.send_robust(Engine, was=state)
    if ended:
        logger.warning("ended %d turns that lost their process, or waited too long", ended)
    return ended


def _end_lost(turn_id: int, epoch: int, state: str) -> bool:
    """End one turn; one that cannot be ended must not keep the others from it."""
    try:
        return retry_conflicts(end_expired_turn, turn_id, epoch, state) is not None
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("lost turn %s cannot be ended", turn_id)
        return False


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


async def sweep_turns() -> int:
    """Have this process's engine sweep; belongs to its loop."""
    return await engine().sweep()


def server_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop of this process's server; None in a command, where nothing outlasts the caller."""
    return _engine.loop if _engine and _engine.is_served and not _engine.loop.is_closed() else None


async def start_engine() -> None:
    """Make the running loop the engine's home; called when a server starts."""
    global _engine
    with _lock:
        _engine = Engine(asyncio.get_running_loop(), is_served=True)
    _engine.start()


async def stop_engine() -> None:
    """Drain the engine; called when a server stops."""
    global _engine
    if _engine is not None:
        await _engine.close()
        _engine = None
