"""Publishing replies that run here for followers elsewhere, while they keep asking."""

import asyncio
import time
from contextvars import Context
from uuid import UUID

from chats.parts import json_text
from chats.turns.replication.pubsub import TOOL_INPUT, ReplyPubSub
from chats.turns.reply_log import ReplyLog

INTEREST_SECONDS = 30.0
JOIN_SECONDS = 0.005


class Publisher:
    """One reply on its way to other processes: a follower like any other, whose reader is the bus."""

    def __init__(self, pubsub: ReplyPubSub, log: ReplyLog) -> None:
        self._pubsub, self._log = pubsub, log
        self._position = 0
        self._told: dict[str, int] = {}
        self._until = 0.0
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, position: int) -> None:
        """Publish from a position on, again where it was published before."""
        self._until = time.monotonic() + INTEREST_SECONDS
        if self._task is None or self._task.done():
            self._position = position
            self._task = asyncio.get_running_loop().create_task(self._run(), context=Context())
        elif position < self._position:
            self._position = position
            self._log.wake()

    async def _run(self) -> None:
        log = self._log
        while time.monotonic() < self._until:
            for delta in log.after(self._position):
                self._pubsub.publish(log.reply_id, [(delta.at, delta.kind, delta.text)])
                self._position = delta.at + len(delta.text)
            for each in log.new_input(self._told):
                self._pubsub.publish(
                    log.reply_id, [(each.at, TOOL_INPUT, json_text([each.call, each.name, each.text]))]
                )
            if log.end or log.deleted or log.retired:
                self._pubsub.publish(log.reply_id, [])
                return
            await log.wait()
            await asyncio.sleep(JOIN_SECONDS)  # neighbours travel together


class Publishers:
    """The publishers of a process."""

    def __init__(self, pubsub: ReplyPubSub) -> None:
        self._pubsub = pubsub
        self._publishers: dict[UUID, Publisher] = {}

    def subscribe(self, log: ReplyLog, position: int) -> None:
        """Answer another process that asks for a reply."""
        publisher = self._publishers.get(log.reply_id)
        if publisher is None:
            publisher = self._publishers[log.reply_id] = Publisher(self._pubsub, log)
        publisher.subscribe(position)

    def forget(self, reply_id: UUID) -> None:
        """Drop the publisher of a reply that has ended; its task publishes the end by itself."""
        self._publishers.pop(reply_id, None)
