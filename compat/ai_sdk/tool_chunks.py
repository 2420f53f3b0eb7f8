"""The tool calls of one stream."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from chats.parts import COMPLETE, DENIED, TOOL_CALL, UNKNOWN, WAITING, Part, part_payloads
from chats.turns.events import ToolInput
from compat.ai_sdk.chunks import chunk
from compat.ai_sdk.tool_parts import error_of

OURS = {"providerExecuted": True, "dynamic": True}  # ai 5 wants to be told with every chunk


class ToolChunks:
    """Knows what its reader has been told. Only who takes `approvals` is asked: other releases break at a request."""

    def __init__(self, approvals: bool) -> None:
        self._approvals = approvals
        self._begun: set[str] = set()
        self._whole: dict[str, bytes] = {}  # calls with all their arguments, as they were told
        self._asked: set[str] = set()
        self._settled: set[str] = set()

    def is_whole(self, call: str) -> bool:
        return call in self._whole

    def grow(self, event: ToolInput) -> bytes:
        """Return some of the arguments of a call."""
        more = chunk("tool-input-delta", toolCallId=event.call, inputTextDelta=event.text)
        return self._begin(event.call, event.name) + more

    def call(self, call: Mapping[str, Any]) -> bytes:
        """Return a call that is whole, with the request where it needs the user's word."""
        id_, name = call["id"], call["name"]
        opening = self._begin(id_, name)
        self._whole[id_] = chunk("tool-input-available", toolCallId=id_, toolName=name, input=call["input"], **OURS)
        return opening + self._whole[id_] + (self.ask([call]) if call["state"] == WAITING else b"")

    def ask(self, calls: Sequence[Mapping[str, Any]]) -> bytes:
        """Return the requests for calls, but for those made already: the answer may have been given meanwhile."""
        new = [call["id"] for call in calls if self._approvals and call["id"] not in self._asked]
        self._asked.update(new)
        return b"".join([chunk("tool-approval-request", approvalId=id_, toolCallId=id_) for id_ in new])

    def decide(self, decided: Collection[Mapping[str, Any]]) -> bytes:
        """Return what takes requests back that this stream has made: those calls run now."""
        run = [call["id"] for call in decided if call["approved"] and call["id"] in self._asked]
        return b"".join([self._whole[id_] for id_ in run if id_ in self._whole])

    def result(self, result: Mapping[str, Any]) -> bytes:
        """Return what became of a call."""
        id_ = result["id"]
        self._settled.add(id_)
        if result["state"] == COMPLETE:
            return chunk("tool-output-available", toolCallId=id_, output=result["output"], **OURS)
        if result["state"] == DENIED and self._approvals:
            return chunk("tool-output-denied", toolCallId=id_)
        return chunk("tool-output-error", toolCallId=id_, errorText=error_of(result), **OURS)

    def close(self, parts: Sequence[Part]) -> bytes:
        """Return what became of the calls that have no result although the reply, which consists of `parts`, is over.

        A call that its reader takes for one that still runs, or is answered and unheard, is posted again.
        """
        calls = {each["id"]: each for each in part_payloads(parts, True) if each["type"] == TOOL_CALL}
        lost = [{"id": id_, "state": UNKNOWN} for id_ in self._begun if id_ not in calls]
        missing = [call for call in calls.values() if call["state"] in (UNKNOWN, DENIED)]
        return b"".join([self.result(call) for call in (*lost, *missing) if call["id"] not in self._settled])

    def _begin(self, call: str, name: str) -> bytes:
        if call in self._begun:
            return b""
        self._begun.add(call)
        return chunk("tool-input-start", toolCallId=call, toolName=name, **OURS)
