"""What frames do: each is authorised anew by the engine, and several may be under way at once."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

from accounts.access import Claims
from chats import turns
from chats.connections import OpenStream
from chats.consumers.encoder import accepted_frame, decided_frame, error_frame, event_frame
from chats.consumers.frames import Frame, turn_request
from chats.errors import NothingToFollow, TooManyStreams
from chats.turns.events import Start, TurnEvent
from common.errors import Invalid
from common.problems import ServerError, as_refusal

logger = logging.getLogger("parley.sockets")
Push = Callable[[str], Awaitable[None]]
MOST_AT_ONCE = 100


class FrameHandlers:
    """The commands and followed replies of one signed-in socket."""

    def __init__(self, claims: Claims, push: Push) -> None:
        self._claims, self._push = claims, push
        self._tasks: set[asyncio.Task[None]] = set()
        self._follows: dict[UUID, asyncio.Task[None]] = {}  # by chat: a new one takes the place of the old
        self._turns: dict[UUID, asyncio.Lock] = {}

    def handle(self, frame: Frame) -> None:
        """Begin to carry out a frame; what comes of it is sent when it is there."""
        if frame.type == "auth":
            raise Invalid("This socket is signed in already.")
        if len(self._tasks) >= MOST_AT_ONCE:
            raise TooManyStreams(retry_after=1)
        self._begin(partial(self._carry_out, frame), frame)

    def _begin(self, work: Callable[[], Awaitable[None]], frame: Frame) -> "asyncio.Task[None]":
        task = asyncio.create_task(self._answered(work, frame))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _answered(self, work: Callable[[], Awaitable[None]], frame: Frame) -> None:
        try:
            await work()
        except Exception as error:
            refusal = as_refusal(error)
            if refusal is None:
                logger.exception("a %s frame failed", frame.type)
            await self._push(error_frame(refusal or ServerError(), frame.data))

    async def _carry_out(self, frame: Frame) -> None:
        values = frame.values()
        if frame.type in ("send", "regenerate"):
            await self._start(frame, turn_request(frame.type, values))
        elif frame.type == "approve":
            await self._approve(frame, values["chat"], values["message"], values["approvals"])
        elif frame.type == "stop":
            await turns.stop(self._claims, values["chat"])
        else:
            events = await turns.resume(self._claims, values["chat"], values["reply"], values["after"])
            if events is None:
                raise NothingToFollow()
            self._follow(frame, values["chat"], events)

    async def _start(self, frame: Frame, request: turns.TurnRequest) -> None:
        """Start a turn and follow its reply; of one chat, frames are taken in the order in which they came."""
        lock = self._turns.setdefault(request.chat, asyncio.Lock())
        async with lock:
            accepted = await turns.start(self._claims, request)
            await self._push(accepted_frame(accepted, request.key))
            self._follow(frame, request.chat, turns.follow(accepted.chat_id, accepted.reply.id))
        if not lock.locked():
            self._turns.pop(request.chat, None)

    async def _approve(self, frame: Frame, chat: UUID, reply: UUID, said: list[dict[str, Any]]) -> None:
        """Record verdicts; who follows the chat already is told there what comes of them."""
        accepted = await turns.decide(self._claims, chat, reply, [turns.Approval(**each) for each in said])
        await self._push(decided_frame(accepted))
        if chat not in self._follows:
            self._follow(frame, chat, turns.follow(chat, reply, accepted.begins))

    def _follow(self, frame: Frame, chat: UUID, events: AsyncIterator[TurnEvent]) -> None:
        if old := self._follows.get(chat):
            old.cancel()
        stream = OpenStream(self._claims, events)
        task = self._begin(partial(self._pass_on, chat, stream), frame)
        self._follows[chat] = task
        task.add_done_callback(lambda _: stream.close())
        task.add_done_callback(lambda _: self._forget(chat, task))

    def _forget(self, chat: UUID, task: "asyncio.Task[None]") -> None:
        if self._follows.get(chat) is task:
            del self._follows[chat]

    async def _pass_on(self, chat: UUID, events: OpenStream) -> None:
        reply = chat  # until the first event, which is a Start, names it
        async for event in events:
            if isinstance(event, Start):
                reply = event.reply
            await self._push(event_frame(chat, reply, event))

    def close(self) -> None:
        """End everything; the replies themselves go on."""
        for task in list(self._tasks):
            task.cancel()
