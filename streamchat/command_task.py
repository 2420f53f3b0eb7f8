"""From a command to its answer. The hook waits a little for what can be known soon, and never for the model."""

import asyncio
import logging
from dataclasses import replace

from django.conf import settings

from accounts.access import Viewer
from chats import turns
from chats.errors import ReplyBlocked, TurnRunning
from chats.models import State
from chats.turns.engine import engine
from chats.wire.fields import message_problem
from common.errors import ParleyError, Unavailable
from common.executor import database
from common.problems import ServerError, as_refusal
from common.retrying import retry_conflicts
from streamchat import accept, hook_responses
from streamchat.hook_responses import HookResponse
from streamchat.payload import StreamCommand
from streamchat.reply_poster import due_of
from streamchat.worker import worker

logger = logging.getLogger("parley.stream")
ASK_AGAIN_SECONDS = 0.05
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
        claimed = await database().write(retry_conflicts, accept.claim, self.command, engine().name)
        self.is_claimed = True
        if claimed is None:
            return await self._earlier_answer()
        worker().keep(claimed.row.pk)
        try:
            return await self._carry_out(claimed)
        finally:
            worker().let_go(claimed.row.pk)

    async def _carry_out(self, claimed: accept.AcceptedCommand) -> HookResponse:
        row = claimed.row
        try:
            accepted = await self._start(claimed.viewer, claimed.ask)
        except ParleyError as refusal:
            return await self._refused(claimed, refusal)
        self.answer = hook_responses.accepted(self.command)
        await database().write(accept.attach, row.pk, accepted.reply.id, self.command.delivery, self.answer)
        worker().post_reply(replace(due_of(row), chat=accepted.chat_id, reply=accepted.reply.id))
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
        row = claimed.row
        if self.is_late:
            await database().write(accept.record_note, row.pk, refusal.detail[:300])
            worker().post_reply(replace(due_of(row), note=refusal.detail))
            return hook_responses.accepted(self.command)
        self.answer = refusal_answer(self.command, refusal)
        await database().write(accept.record_refusal, row.pk, self.command.delivery, self.answer)
        return self.answer

    async def _earlier_answer(self) -> HookResponse:
        """Answer as the first delivery was answered; it may be under way in another process."""
        while not self.is_late:
            if (found := await database().read(accept.earlier_answer, self.command)) is not None:
                return found
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        return hook_responses.accepted(self.command)


def refusal_answer(command: StreamCommand, refusal: ParleyError) -> HookResponse:
    """A chat that is busy is worth another try; everything else is an error that only the sender sees."""
    if isinstance(refusal, TurnRunning):
        return hook_responses.come_again(command, refusal.detail)
    return hook_responses.rejected(refusal.detail)


async def answer_to(command: StreamCommand) -> HookResponse:
    """Return the hook's answer within `STREAM_HOOK_SECONDS`, whatever the model, the moderator or the database do.

    Raises Unavailable where the command could not even be recorded by then.
    """
    if command.action == hook_responses.CANCEL:
        return hook_responses.DROPPED
    if wrong := _what_is_wrong(command.args):
        return hook_responses.rejected(wrong.format(name=command.name))
    command_task = CommandTask(command)
    task = worker().begin(command_task.run())
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
        return refusal_answer(command, refusal)


def _what_is_wrong(text: str) -> str:
    if not text:
        return EMPTY
    return message_problem(text)
