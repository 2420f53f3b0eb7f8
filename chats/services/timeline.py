"""What happened while a reply was made: the calls of providers and of tools, their times, what they cost."""

from typing import Any
from uuid import UUID

from chats.errors import MessageNotFound
from chats.models import UNFINISHED, Role, Turn
from chats.parts import part_payloads
from chats.services.chats import require_chat
from chats.tree import read_message
from usage.models import Attempt

TOOL_FIELDS = ("id", "name", "title", "state", "seconds")


def timeline(owner_id: int, chat_id: UUID, reply_id: UUID) -> dict[str, Any]:
    """Return the timeline of a reply; raise ChatNotFound, or MessageNotFound also for what is no reply."""
    require_chat(owner_id, chat_id)
    row = read_message(chat_id, reply_id)
    turn = Turn.objects.filter(chat_id=chat_id, reply_id=reply_id).first()
    if row is None or row.role != Role.ASSISTANT:
        raise MessageNotFound()
    left_out = turn.left_out if turn else 0
    parts = part_payloads(row.parts, row.state not in UNFINISHED)
    attempts = Attempt.objects.filter(reply=reply_id, user=owner_id).order_by("begun_at", "id")
    return {
        "reply": row.id,
        "state": row.state,
        "reason": row.reason,
        "started_at": turn.started_at if turn else row.created_at,
        "ended_at": turn.ended_at if turn else None,
        "cost": row.cost,
        "context": {"left_out": left_out, "reason": "max_context_tokens" if left_out else None},
        "attempts": [_attempt(each) for each in attempts],
        "tools": [{name: part.get(name) for name in TOOL_FIELDS} for part in parts if part["type"] == "tool_call"],
    }


def _attempt(row: Attempt) -> dict[str, Any]:
    return {
        "provider": row.provider,
        "model": row.model,
        "begun_at": row.begun_at,
        "first_text_at": row.first_text_at,
        "ended_at": row.ended_at,
        "error": row.error,
        "tokens_in": row.tokens_in,
        "tokens_out": row.tokens_out,
        "tokens_cached": row.tokens_cached,
        "tokens_reasoning": row.tokens_reasoning,
        "estimated": row.estimated,
        "cost": row.cost,
        "prices": {"input": row.input_price, "output": row.output_price, "cached_input": row.cached_input_price},
    }
