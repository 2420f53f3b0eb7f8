"""The tool calls of a running reply: taken from the model, carried out side by side, told to model and readers.

A call is never made twice by us. What a user has to allow first is left for `open_calls`.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from chats.parts import (
    COMPLETE,
    DENIED,
    FAILED,
    RUNNING,
    TOOL_CALL,
    TOOL_RESULT,
    WAITING,
    json_text,
)  # fmt: skip
from chats.turns.prompt_parts import Beside, metadata_chunk, output_chunk
from chats.turns.reply_log import ReplyLog
from chats.turns.toolbox import OpenCall, Toolbox, is_granted
from common.errors import NotJson
from common.executor import database
from common.json import loads
from common.text import repaired
from llm.client.types import ProviderMetadata, RequestedCall, ToolInputDelta
from tools.calls import CallResult, run_call
from tools.policy import Policy, policy_of

PREVIEW_CHARS = 2_000  # of an output that stand in the reply; the whole stays beside it
AT_ONCE = 8
CANCEL_SECONDS = 1.0  # that a cancelled call has to tidy up
ToolEvent = ToolInputDelta | RequestedCall | ProviderMetadata


class ToolCalls:
    """Belongs to one running turn; `show` lets readers see what was added to the log."""

    def __init__(self, toolbox: Toolbox, log: ReplyLog, show: Callable[[], None]) -> None:
        self._toolbox, self._log, self._show = toolbox, log, show
        self.user_id = toolbox.caller.user_id
        self.open_calls: list[OpenCall] = []
        self.not_begun: set[str] = set()  # calls of which it is certain that nothing has happened
        self.beside = Beside()
        self.unsaved: list[tuple[int, str, str]] = []  # chunks beside the reply that are yet to be stored
        self._ids: dict[str, str] = {}  # what the provider calls them, and what we do
        self._metadata: dict[int, list[ProviderMetadata]] = {}
        self._saving = 0
        self._is_over = False  # what a call says from now on comes too late

    # --- from the model ----------------------------------------------------------------------------------------------
    def begin_step(self) -> None:
        """Forget what the last call of a provider brought."""
        self._ids.clear()
        self._metadata.clear()

    def forget_metadata(self) -> bool:
        """Send a provider none of its own state any more; tell whether there was any."""
        found = bool(self.beside.metadata)
        self.beside.metadata.clear()
        return found

    def take(self, event: ToolEvent) -> None:
        """Take a call, its arguments as they grow, or what the provider wants back with it."""
        if isinstance(event, ToolInputDelta):
            name = repaired(event.name)
            self._log.grow_input(self._id_of(event.call), name, repaired(event.text))
        elif isinstance(event, RequestedCall):
            self._take_call(event)
        else:
            self._metadata.setdefault(self._log.length, []).append(event)

    def _take_call(self, call: RequestedCall) -> None:
        name, arguments = repaired(call.name), repaired(call.arguments)
        tool, id_ = self._toolbox.tools.get(name), self._id_of(call.id)
        asks = self._toolbox.asks(name)
        self.not_begun.add(id_)
        self.open_calls.append(OpenCall(id_, name, arguments, asks, self._toolbox.goes_by_grant(name)))
        self._append(TOOL_CALL, {
            "id": id_, "name": name, "title": tool.title if tool else name, "input": _input(arguments),
            "state": WAITING if asks else RUNNING,
        })  # fmt: skip

    def _id_of(self, theirs: str) -> str:
        """Return our name of a call: unlike any other of the reply, which no provider's can be relied on to be."""
        return self._ids.setdefault(theirs, secrets.token_hex(5)[:9])

    # --- stored with the reply ---------------------------------------------------------------------------------------
    def save(self) -> list[tuple[int, str, str]]:
        """Return the chunks that a flush has to store beside the reply."""
        self._saving = len(self.unsaved)
        return self.unsaved

    def saved(self) -> None:
        """Note that what `save` returned last is stored."""
        del self.unsaved[: self._saving]
        self._saving = 0

    # --- carried out -------------------------------------------------------------------------------------------------
    async def run_ready(self) -> bool:
        """Make every call that needs no word, side by side; tell whether none is left that does."""
        ready = [call for call in self.open_calls if not call.asks]
        self.open_calls = [call for call in self.open_calls if call.asks]
        self._keep_metadata()
        if ready:
            await self._side_by_side(ready)
        return not self.open_calls

    def deny(self, id_: str, reason: str = "") -> None:
        """Record that the user did not allow a call."""
        self._append(TOOL_RESULT, {"id": id_, "state": DENIED, **({"error": reason} if reason else {})})

    async def _side_by_side(self, calls: list[OpenCall]) -> None:
        places = asyncio.Semaphore(AT_ONCE)
        tasks = [asyncio.create_task(self._run_one(call, places)) for call in calls]
        try:
            await asyncio.wait(tasks)  # `gather` would, once cancelled, go on waiting for them without an end
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CANCEL_SECONDS)
            self._is_over = True
            raise
        for task in tasks:
            task.result()

    async def _run_one(self, call: OpenCall, places: asyncio.Semaphore) -> None:
        async with places:
            if call.by_grant and not await database().read(is_granted, self._toolbox.caller.chat_id, call.name):
                self.deny(call.id)  # somebody has signed out everywhere since
                return
            self.not_begun.discard(call.id)
            tool = self._toolbox.tools.get(call.name)
            if tool is None or policy_of(tool) is Policy.NEVER:
                result = CallResult(f"There is no tool {call.name!r}.", True, 0.0)
            else:
                result = await run_call(tool, self._toolbox.caller, call.arguments)
        if not self._is_over:
            self._tell(call, result)

    def _tell(self, call: OpenCall, result: CallResult) -> None:
        about: dict[str, Any] = {"id": call.id, "seconds": round(result.seconds, 3)}
        if result.is_error:
            self._append(TOOL_RESULT, {**about, "state": FAILED, "error": result.output[:PREVIEW_CHARS]})
            return
        about |= {"state": COMPLETE, "output": result.output[:PREVIEW_CHARS]}
        if len(result.output) > PREVIEW_CHARS:
            at = self._log.length
            about["length"] = len(result.output)  # of the whole
            self.beside.outputs[at] = result.output
            self.unsaved.append(output_chunk(at, result.output))
        self._append(TOOL_RESULT, about)

    def _append(self, kind: str, payload: dict[str, Any]) -> None:
        self._log.append(kind, json_text(payload))
        self._show()

    def _keep_metadata(self) -> None:
        """Store what the provider wants back, now that there will be another step."""
        for at, found in self._metadata.items():
            self.beside.metadata[at] = found
            self.unsaved.append(metadata_chunk(at, found))
        self._metadata = {}


def _input(arguments: str) -> Any:
    """Return the arguments as a value; what is not a JSON object stays the text that it is."""
    try:
        value = loads(arguments.encode()) if arguments.strip() else {}
    except NotJson:
        return arguments
    return _storable(value) if isinstance(value, dict) else arguments


def _storable(value: Any) -> Any:
    """Repair the texts of a JSON value, keys too."""
    if isinstance(value, str):
        return repaired(value)
    if isinstance(value, list):
        return [_storable(each) for each in value]
    return {repaired(name): _storable(each) for name, each in value.items()} if isinstance(value, dict) else value
