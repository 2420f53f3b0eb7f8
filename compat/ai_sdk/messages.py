"""Stored messages as UIMessages, just as a client holds them after its stream."""

from collections.abc import Mapping, Sequence
from typing import Any

from chats.models import UNFINISHED, Role
from chats.parts import DECISION, FILE, SOURCE, TOOL_CALL, TOOL_RESULT, WAITING, is_text, part_payload, part_payloads
from chats.rows import MessageRow
from chats.turns import Approval
from compat.ai_sdk.tool_parts import source_of, tool_part

STEP = {"type": "step-start"}


def metadata(row: MessageRow) -> dict[str, Any]:
    """Return what a UIMessage has no field of its own for."""
    found: dict[str, Any] = {"createdAt": row.created_at}
    if row.role == Role.ASSISTANT:
        found |= {"model": row.model, "state": row.state}
        if row.reason:
            found["reason"] = row.reason
    return found


def ui_message(row: MessageRow, verdicts: Sequence[Approval] = ()) -> dict[str, Any]:
    """Return a message; `verdicts` are those on calls of a reply that still waits for others."""
    parts = _reply_parts(row, verdicts) if row.role == Role.ASSISTANT else [_said(*part) for part in row.parts]
    return {"id": row.client_id or str(row.id), "role": row.role, "metadata": metadata(row), "parts": parts}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _said(kind: str, text: str) -> dict[str, Any]:
    return file_part(part_payload(kind, text)["file"]) if kind == FILE else _plain(text)


def file_part(file: Mapping[str, Any]) -> dict[str, Any]:
    """Return a file; its address is a path of this server, for whoever brings the owner's token."""
    return {"type": "file", "mediaType": file["media_type"], "filename": file["name"], "url": file["url"]}


def _reply_parts(row: MessageRow, verdicts: Sequence[Approval]) -> list[dict[str, Any]]:
    """Return the parts, each call with its result; what comes after results is a step of its own."""
    payloads = part_payloads(row.parts, row.state not in UNFINISHED)
    calls = {each["id"]: each for each in payloads if each["type"] == TOOL_CALL}
    said = {verdict.call: verdict for verdict in verdicts}
    found, at, answered = [STEP], 0, False
    for kind, text in row.parts:
        if kind == TOOL_RESULT:
            answered = True
        elif kind != DECISION:
            found += [STEP] if answered else []
            found.append(_part(kind, text, at, calls, said))
            answered = False
        at += len(text)
    return found


def _part(
    kind: str, text: str, at: int, calls: Mapping[str, Mapping[str, Any]], said: Mapping[str, Approval]
) -> dict[str, Any]:
    payload = part_payload(kind, text)
    if is_text(kind):
        return payload | {"state": "done"}
    if kind == FILE:
        return file_part(payload["file"])
    if kind == SOURCE:
        return {"type": "source-url", **source_of(payload, at)}
    return tool_part(calls[payload["id"]], payload["state"] == WAITING, said.get(payload["id"]))
