"""The UI message stream v1 of the AI SDK, majors 5 to 7, made of turn events.

What the protocol has no field for travels in `messageMetadata`.
"""

from typing import Any

from chats.errors import FAILURES, ReplyBlocked, ReplyFailed
from chats.models import COMMAND, State
from chats.parts import DECISION, FILE, SOURCE, TOOL_CALL, TOOL_RESULT, is_text, part_payload
from chats.rows import MessageRow
from chats.turns.events import Delta, End, ToolInput, Waiting
from compat.ai_sdk.chunks import DONE, chunk
from compat.ai_sdk.messages import metadata
from compat.ai_sdk.tool_chunks import ToolChunks
from compat.ai_sdk.tool_parts import source_of

TOOL_CALLS = "tool-calls"
FINISH_REASONS = {
    "stop": "stop", "length": "length", "content_filter": "content-filter", "refusal": "content-filter",
    "tool_calls": TOOL_CALLS, COMMAND: "stop",
}  # fmt: skip
CUT_SHORT = {
    "provider_timeout": "The model stopped answering; the reply was cut short.",
    "reply_timeout": "The reply took too long and was cut short.",
    "reply_too_long": "The reply reached the largest length that is stored.",
    "process_lost": "The server was restarted; the reply was cut short.",
    "shutdown": "The server was restarted; the reply was cut short.",
    "too_many_steps": "The model asked for tools too many times; the reply was cut short.",
    "approval_expired": "Nobody allowed or denied the tool in time; the reply was cut short.",
}
LOST = "The reply cannot be followed any further; reload to see what is stored."


class UiEncoder:
    """Encodes one reply from its first character, or what is new of one that `goes_on` after a decision.

    A part is called by the offset at which it begins, alike in a stream and in its replay. A step is what a model said
    and the tools it called: what comes after their results is the next one.
    """

    def __init__(self, reply: MessageRow, approvals: bool = False, goes_on: bool = False) -> None:
        self._reply, self._tools = reply, ToolChunks(approvals)
        self._kind = self._id = self._delta = ""  # of the text that is open
        self._in_step, self._answered = not goes_on, False

    def start(self) -> bytes:
        """Return the first events; the id is the stored one, so that a reload matches it."""
        begin = chunk("start", messageId=str(self._reply.id), messageMetadata=self._about(State.STREAMING))
        return begin + chunk("start-step") if self._in_step else begin

    def delta(self, event: Delta) -> bytes:
        """Return the events of some text, or of a part that is none."""
        if event.kind == self._kind:
            return chunk(self._delta, id=self._id, delta=event.text)
        closing = self._close()
        if not is_text(event.kind):
            return closing + self._part(event.kind, part_payload(event.kind, event.text), event.at)
        opening = closing + self._next_step()
        self._kind, self._id, self._delta = event.kind, str(event.at), f"{event.kind}-delta"
        return opening + chunk(f"{event.kind}-start", id=self._id) + self.delta(event)

    def tool_input(self, event: ToolInput) -> bytes:
        """Return some arguments of a call; text stays open, since more of it may come before the call is whole."""
        return b"" if self._tools.is_whole(event.call) else self._next_step() + self._tools.grow(event)

    def wait(self, event: Waiting) -> bytes:
        """Return the events that end a stream whose reply waits for its user."""
        closing = self._close() + self._tools.ask(event.calls) + self._finish_step()
        return closing + self._finish(TOOL_CALLS, self._about(State.WAITING))

    def end(self, event: End) -> bytes:
        """Return the events that tell how the reply ended; a failure is an `error`, never a clean end alone."""
        row = event.message
        closing, about = self._close() + self._tools.close(row.parts), metadata(row)
        if error := error_text(row):
            return closing + chunk("message-metadata", messageMetadata=about) + self.fail(error)
        if row.state == State.STOPPED:
            return closing + chunk("message-metadata", messageMetadata=about) + chunk("abort") + DONE
        return closing + self._finish_step() + self._finish(FINISH_REASONS.get(row.reason, "other"), about)

    def fail(self, text: str = LOST) -> bytes:
        """Return the events of a stream that cannot go on."""
        return self._close() + chunk("error", errorText=text) + DONE

    def _part(self, kind: str, payload: dict[str, Any], at: int) -> bytes:
        if kind == TOOL_CALL:
            return self._next_step() + self._tools.call(payload)
        if kind == TOOL_RESULT:
            self._answered = True
            return self._tools.result(payload)
        if kind == DECISION:
            return self._tools.decide(payload["calls"])
        if kind == SOURCE:
            return self._next_step() + chunk("source-url", **source_of(payload, at))
        if kind == FILE:  # whose chunk has no name
            return self._next_step() + chunk(
                "file", url=payload["file"]["url"], mediaType=payload["file"]["media_type"]
            )
        return b""

    def _next_step(self) -> bytes:
        """Begin a step where none is open, or the open one has results."""
        if self._in_step and not self._answered:
            return b""
        closing = self._finish_step()
        self._in_step, self._answered = True, False
        return closing + chunk("start-step")

    def _finish_step(self) -> bytes:
        return chunk("finish-step") if self._in_step else b""

    def _finish(self, reason: str, about: dict[str, Any]) -> bytes:
        return chunk("finish", finishReason=reason, messageMetadata=about) + DONE

    def _about(self, state: State) -> dict[str, Any]:
        about = {**metadata(self._reply), "state": str(state)}
        about.pop("reason", None)
        return about

    def _close(self) -> bytes:
        kind, self._kind = self._kind, ""
        return chunk(f"{kind}-end", id=self._id) if kind else b""


def error_text(row: MessageRow) -> str:
    """Return what a person is told of a reply that failed; nothing for one that went well or was stopped."""
    if row.state in (State.COMPLETE, State.STOPPED) or (row.state == State.BLOCKED and row.length):
        return ""
    if row.length:
        return CUT_SHORT.get(row.reason, "The reply was cut short.")
    if row.state == State.BLOCKED:
        return ReplyBlocked.title
    return FAILURES.get(row.reason, ReplyFailed).title
