"""From a command to its answer. The hook waits a little for what can be known soon, and never for the model."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from django.conf import settings

from accounts.access import Viewer
from chats import turns
from chats.errors import ReplyBlocked, TurnRunning
from chats.models import State
from chats.wire.fields import message_problem
from common.errors import ParleyError, Unavailable
from common.executor import database
from common.per_loop import per_loop
from common.problems import ServerError, as_refusal
from common.retrying import retry_conflicts
from streamchat import accept, hook_responses
from streamchat.hook_responses import HookResponse
from streamchat.payload import StreamCommand

logger = logging.getLogger("parley.stream")
ASK_AGAIN_SECONDS = 0.05
CLOSING_SECONDS = 3.0
EMPTY = "Type a question after the command, for example: /{name} What is the capital of France?"
BLOCKED = "This message was blocked by a content filter."


class CommandTask:
    """One webhook's command, carried out by a task that outlives the request."""

    def __init__(self, command: StreamCommand) -> None:
        self.command = command
        self.is_claimed = False
        self.answer: HookResponse | None = None  # once it is decided
        self.is_late = False  # the hook has answered; the channel hears what is decided from now on

    async def run(self) -> HookResponse:
        claimed = await database().write(retry_conflicts, accept.claim_command, self.command)
        self.is_claimed = True
        if claimed is None:
            return await self._earlier_answer()
        try:
            accepted = await self._start(claimed.viewer, claimed.ask)
        except ParleyError as refusal:
            return await self._refused(claimed, refusal)
        self.answer = hook_responses.accepted(self.command)
        await database().write(accept.attach, claimed.row, accepted.reply.id, self.command.delivery, self.answer)
        return self.answer

    async def _start(self, viewer: Viewer, ask: turns.TurnRequest) -> turns.AcceptedTurn:
        """Start the turn; raise every refusal as one of ours."""
        try:
            accepted = await turns.start(viewer, ask)
        except Exception as error:
            refusal = as_refusal(error)
            if refusal is None:
                logger.exception("a command failed")
            raise refusal or ServerError() from error
        if accepted.reply.state == State.BLOCKED:
            raise ReplyBlocked(BLOCKED)
        return accepted

    async def _refused(self, claimed: accept.AcceptedCommand, refusal: ParleyError) -> HookResponse:
        """Tell the sender; where the hook could not wait, tell the channel."""
        if self.is_late:
            await database().write(accept.record_note, claimed.row, refusal.detail[:300])
            return hook_responses.accepted(self.command)
        self.answer = refusal_for_hook(self.command, refusal)
        await database().write(accept.record_refusal, claimed.row, self.command.delivery, self.answer)
        return self.answer

    async def _earlier_answer(self) -> HookResponse:
        """Answer as the first delivery was answered; it may be under way in another process."""
        while not self.is_late:
            if (found := await database().read(accept.earlier_answer, self.command)) is not None:
                return found
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        return hook_responses.accepted(self.command)


def refusal_for_hook(command: StreamCommand, refusal: ParleyError) -> HookResponse:
    """A chat that is busy is worth another try; everything else is an error that only the sender sees."""
    if isinstance(refusal, TurnRunning):
        return hook_responses.come_again(command, refusal.detail)
    return hook_responses.rejected(refusal.detail)


@per_loop
def _running() -> set["asyncio.Task[HookResponse]"]:
    """Return the commands under way: nobody's children, so a webhook that hangs up ends none of them."""
    return set()


def _begin(work: Coroutine[Any, Any, HookResponse]) -> "asyncio.Task[HookResponse]":
    task, running = asyncio.get_running_loop().create_task(work), _running()
    running.add(task)
    task.add_done_callback(_done)
    return task


def _done(task: "asyncio.Task[HookResponse]") -> None:
    _running().discard(task)
    if not task.cancelled():
        task.exception()  # whoever waits for it hears of it; a hook that gave up waiting need not


async def close_commands() -> None:
    """Let the commands under way be decided, for a moment; their tasks find out what became of the rest."""
    if running := _running.pop():
        await asyncio.wait(running, timeout=CLOSING_SECONDS)
        for task in running:
            task.cancel()


async def answer_to(command: StreamCommand) -> HookResponse:
    """Return the hook's answer within `STREAM_HOOK_SECONDS`, whatever the model, the moderator or the database do.

    Raises Unavailable where the command could not even be recorded by then.
    """
    if command.action == hook_responses.CANCEL:
        return hook_responses.DROPPED
    if wrong := _what_is_wrong(command.args):
        return hook_responses.rejected(wrong.format(name=command.name))
    command_task = CommandTask(command)
    task = _begin(command_task.run())
    try:
        done, _ = await asyncio.wait({task}, timeout=settings.STREAM_HOOK_SECONDS)
    finally:  # also where Stream has hung up
        command_task.is_late = command_task.is_late or not task.done()
    if done:
        return _result(task, command)
    if not command_task.is_claimed:
        raise Unavailable(retry_after=1)
    return command_task.answer or hook_responses.accepted(command)


def _result(task: "asyncio.Task[HookResponse]", command: StreamCommand) -> HookResponse:
    """Return what the task found; a refusal at the very beginning has claimed nothing."""
    try:
        return task.result()
    except Exception as error:
        refusal = as_refusal(error)
        if refusal is None or isinstance(refusal, Unavailable):
            raise
        return refusal_for_hook(command, refusal)


def _what_is_wrong(text: str) -> str:
    if not text:
        return EMPTY
    return message_problem(text)
