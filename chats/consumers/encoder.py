"""Turn events as JSON frames of a WebSocket; each carries `chat`, `reply` and the cursor `seq`."""

from typing import Any
from uuid import UUID

from chats.turns.events import Delta, End, Start, ToolInput, TurnEvent, Waiting
from chats.turns.requests import AcceptedTurn
from chats.wire.payloads import delta_payload, end_payload, input_payload, start_payload, waiting_payload
from common.errors import ParleyError
from common.json import dumps

READY = '{"type":"ready","chat":null,"reply":null,"seq":null}'


def event_frame(chat: UUID, reply: UUID, event: TurnEvent) -> str:
    """Return the frame of an event of a reply."""
    if isinstance(event, Delta):
        return _frame("delta", chat, reply, event.seq, **delta_payload(event))
    if isinstance(event, End):
        return _frame("end", chat, reply, event.seq, **end_payload(event))
    if isinstance(event, ToolInput):
        return _frame("tool_input", chat, reply, None, **input_payload(event))
    if isinstance(event, Waiting):
        return _frame("waiting", chat, reply, event.seq, **waiting_payload(event))
    if isinstance(event, Start):
        return _frame("start", chat, reply, None, question=start_payload(event)["question"])
    return _frame("keep-alive", chat, reply, None)


def accepted_frame(accepted: AcceptedTurn, key: str) -> str:
    """Return the frame that acknowledges a message: from here on it is stored."""
    return _frame("accepted", accepted.chat_id, accepted.reply.id, None, key=key or None, question=accepted.question.id)


def decided_frame(accepted: AcceptedTurn) -> str:
    """Return the frame that acknowledges verdicts: from here on they are stored."""
    return _frame("decided", accepted.chat_id, accepted.reply.id, None, state=accepted.reply.state)


def error_frame(refusal: ParleyError, data: dict[str, Any]) -> str:
    """Return the answer to a frame that was refused, with what the frame itself said of chat and key."""
    about = {name: data[name] for name in ("key", "type") if isinstance(data.get(name), str)}
    chat, reply = (data[name] if isinstance(data.get(name), str) else None for name in ("chat", "reply"))
    extra = {"retry_after": refusal.retry_after} if refusal.retry_after is not None else {}
    return _frame(
        "error", chat, reply, None, code=refusal.code, detail=refusal.detail, errors=refusal.errors,
        key=about.get("key"), to=about.get("type"), **extra,
    )  # fmt: skip


def _frame(kind: str, chat: UUID | str | None, reply: UUID | str | None, seq: int | None, /, **fields: Any) -> str:
    return dumps({"type": kind, "chat": chat, "reply": reply, "seq": seq, **fields}).decode()
