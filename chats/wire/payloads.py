"""The JSON forms of messages and events that all doors share (docs/api.md)."""

import asyncio
from typing import Any

from chats.markdown import to_html
from chats.models import UNFINISHED, Folder
from chats.parts import is_text, part_payload, part_payloads
from chats.rows import MessageRow
from chats.turns.events import Delta, End, Start, ToolInput, Waiting


def message_payload(row: MessageRow, html: bool = False) -> dict[str, Any]:
    """Return the message as clients see it; with `html`, its sanitised rendering too."""
    siblings = row.siblings or (row.id,)
    payload = {
        "id": row.id,
        "number": row.number,
        "client_id": row.client_id,
        "parent": row.parent,
        "role": row.role,
        "content": row.content,
        "reasoning": row.reasoning,
        "parts": part_payloads(row.parts, row.state not in UNFINISHED, row.reasoning_seconds),
        "state": row.state,
        "reason": row.reason,
        "model": row.model,
        "provider": row.provider,
        "tokens": {"prompt": row.prompt_tokens, "completion": row.completion_tokens},
        "cost": row.cost,
        "fallback": row.fallback,
        "siblings": {"index": siblings.index(row.id), "count": len(siblings), "ids": siblings},
        "created_at": row.created_at,
    }
    if html:
        payload["content_html"] = to_html(row.content)
    return payload


async def message_payloads(rows: list[MessageRow], html: bool) -> list[dict[str, Any]]:
    """Return many messages; HTML is made on a thread, since a long reply takes longer than the loop may wait."""
    if html:
        return await asyncio.to_thread(lambda: [message_payload(row, True) for row in rows])
    return [message_payload(row) for row in rows]


def start_payload(event: Start) -> dict[str, Any]:
    return {"chat": event.chat, "question": event.question, "reply": event.reply}


def delta_payload(event: Delta) -> dict[str, Any]:
    if is_text(event.kind):
        return {"kind": event.kind, "at": event.at, "text": event.text}
    return {"kind": event.kind, "at": event.at, "part": part_payload(event.kind, event.text)}


def input_payload(event: ToolInput) -> dict[str, Any]:
    return {"call": event.call, "name": event.name, "at": event.at, "text": event.text}


def waiting_payload(event: Waiting) -> dict[str, Any]:
    return {"at": event.at, "calls": event.calls, "expires_at": event.expires_at}


def end_payload(event: End, html: bool = False) -> dict[str, Any]:
    return {"at": event.at, "message": message_payload(event.message, html)}


def chat_payload(row: dict[str, Any]) -> dict[str, Any]:
    """Return a chat as clients see it, from a row of `chats.services.chats.chats_of`."""
    names = ("id", "client_id", "title", "model", "settings", "assistant", "pinned", "created_at", "updated_at")
    latest = row["head_id"] and {
        "id": row["head_id"],
        "role": row["head__role"],
        "content": row["excerpt"],
        "state": row["head__state"],
        "created_at": row["head__created_at"],
    }
    archived = row["folder"] == Folder.ARCHIVED
    return {
        **{name: row[name] for name in names},
        "archived": archived,
        "head": row["head_id"],
        "latest_message": latest,
    }
