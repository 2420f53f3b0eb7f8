"""Tool calls as the AI SDK knows them.

Each is `dynamic`, since no client has types for our tools, and `providerExecuted`: who thinks that such a call is for
itself to make posts again and again (`lastAssistantMessageIsCompleteWithToolCalls`). A request for approval has the
id of its call.
"""

from collections.abc import Mapping
from typing import Any

from chats.parts import COMPLETE, DENIED, FAILED, RUNNING, UNKNOWN, WAITING
from chats.turns import Approval

STATES = {
    RUNNING: "input-available", WAITING: "approval-requested", COMPLETE: "output-available", FAILED: "output-error",
    UNKNOWN: "output-error", DENIED: "output-denied",
}  # fmt: skip
RESPONDED = "approval-responded"
NO_RESULT = "The reply ended before this call did; nobody knows what became of it."
DENIAL = "This call was not allowed."


def tool_part(call: Mapping[str, Any], asked: bool, verdict: Approval | None = None) -> dict[str, Any]:
    """Return the part of a call; `verdict` is the user's word on one of several that the reply waits with."""
    waits = call["state"] == WAITING
    part = {
        "type": "dynamic-tool",
        "toolName": call["name"],
        "toolCallId": call["id"],
        "state": RESPONDED if waits and verdict else STATES[call["state"]],
        "input": call["input"],
        "providerExecuted": True,
    }
    if call["state"] == COMPLETE:
        part["output"] = call["output"]
    elif call["state"] in (FAILED, UNKNOWN):
        part["errorText"] = error_of(call)
    if asked:
        part["approval"] = _approval(call, verdict, waits)
    return part


def _approval(call: Mapping[str, Any], verdict: Approval | None, waits: bool) -> dict[str, Any]:
    approval: dict[str, Any] = {"id": call["id"]}
    if waits and verdict is None:
        return approval
    approval["approved"] = verdict.approved if verdict else call["state"] != DENIED
    reason = verdict.reason if verdict else call.get("error") if call["state"] == DENIED else ""
    return {**approval, "reason": reason} if reason else approval


def error_of(call: Mapping[str, Any]) -> str:
    """Return what is told of a call that has no output."""
    if call["state"] == UNKNOWN:
        return NO_RESULT
    reason = call.get("error", "")
    return f"{DENIAL} {reason}".strip() if call["state"] == DENIED else str(reason)


def source_of(source: Mapping[str, Any], at: int) -> dict[str, Any]:
    """Return what is told of a source; its offset in the reply is an id that a replay gives it again."""
    found = {"sourceId": str(at), "url": source["url"]}
    return {**found, "title": source["title"]} if source["title"] else found
