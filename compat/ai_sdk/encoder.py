"""The UI message stream v1 of the AI SDK, majors 5 to 7: turn events to chunks, stored messages to UIMessages.

Older releases refuse unknown keys and null for an optional field, so extras travel in `messageMetadata` and what is
not known is left out.
"""

from typing import Any

from chats.errors import FAILURES, ReplyBlocked, ReplyFailed
from chats.models import COMMAND, Role, State
from chats.rows import MessageRow
from chats.turns.events import Delta, End
from chats.wire import sse
from common.json import dumps

HEADERS = {**sse.HEADERS, "X-Vercel-AI-UI-Message-Stream": "v1"}
DONE = b"data: [DONE]\n\n"
FINISH_REASONS = {
    "stop": "stop", "length": "length", "content_filter": "content-filter", "refusal": "content-filter",
    "tool_calls": "tool-calls", COMMAND: "stop",
}  # fmt: skip
CUT_SHORT = {
    "provider_timeout": "The model stopped answering; the reply was cut short.",
    "reply_timeout": "The reply took too long and was cut short.",
    "reply_too_long": "The reply reached the largest length that is stored.",
    "process_lost": "The server was restarted; the reply was cut short.",
    "shutdown": "The server was restarted; the reply was cut short.",
}
LOST = "The reply cannot be followed any further; reload to see what is stored."


def chunk(kind: str, **fields: Any) -> bytes:
    """Return one event."""
    return b"data: %b\n\n" % dumps({"type": kind, **fields})


def metadata(row: MessageRow) -> dict[str, Any]:
    """Return what a UIMessage has no field of its own for."""
    found: dict[str, Any] = {"createdAt": row.created_at}
    if row.role == Role.ASSISTANT:
        found |= {"model": row.model, "state": row.state}
        if row.reason:
            found["reason"] = row.reason
    return found


def ui_message(row: MessageRow) -> dict[str, Any]:
    """Return a stored message as a UIMessage, just as a client holds it after its stream."""
    parts: list[dict[str, Any]] = [{"type": "step-start"}] if row.role == Role.ASSISTANT else []
    for kind, text in row.parts:
        parts.append({"type": kind, "text": text, "state": "done"} if row.role == Role.ASSISTANT else _plain(text))
    return {"id": row.client_id or str(row.id), "role": row.role, "metadata": metadata(row), "parts": parts}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


class UiEncoder:
    """Encodes one reply from its first character; text and reasoning are parts of their own, in order of arrival."""

    def __init__(self, reply: MessageRow) -> None:
        self._reply = reply
        self._kind, self._count = "", 0

    def start(self) -> bytes:
        """Return the first events; the id is the stored one, so that a reload matches it."""
        about = {**metadata(self._reply), "state": str(State.STREAMING)}
        about.pop("reason", None)
        return chunk("start", messageId=str(self._reply.id), messageMetadata=about) + chunk("start-step")

    def delta(self, event: Delta) -> bytes:
        """Return the events of some text."""
        opening = b""
        if event.kind != self._kind:
            opening = self._close()
            self._kind, self._count = event.kind, self._count + 1
            opening += chunk(f"{event.kind}-start", id=self._id)
        return opening + chunk(f"{event.kind}-delta", id=self._id, delta=event.text)

    def end(self, event: End) -> bytes:
        """Return the events that tell how the reply ended; a failure is an `error`, never a clean end alone."""
        row = event.message
        closing, about = self._close(), metadata(row)
        if error := error_text(row):
            return closing + chunk("message-metadata", messageMetadata=about) + self.fail(error)
        if row.state == State.STOPPED:
            return closing + chunk("message-metadata", messageMetadata=about) + chunk("abort") + DONE
        reason = FINISH_REASONS.get(row.reason, "other")
        return closing + chunk("finish-step") + chunk("finish", finishReason=reason, messageMetadata=about) + DONE

    def fail(self, text: str = LOST) -> bytes:
        """Return the events of a stream that cannot go on."""
        return chunk("error", errorText=text) + DONE

    @property
    def _id(self) -> str:
        return str(self._count)

    def _close(self) -> bytes:
        return chunk(f"{self._kind}-end", id=self._id) if self._kind else b""


def error_text(row: MessageRow) -> str:
    """Return what a person is told of a reply that failed; nothing for one that went well or was stopped."""
    if row.state in (State.COMPLETE, State.STOPPED) or (row.state == State.BLOCKED and row.length):
        return ""
    if row.length:
        return CUT_SHORT.get(row.reason, "The reply was cut short.")
    if row.state == State.BLOCKED:
        return ReplyBlocked.title
    return FAILURES.get(row.reason, ReplyFailed).title
