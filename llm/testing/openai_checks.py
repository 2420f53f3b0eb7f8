"""What OpenAI refuses of requests with tools."""

from collections.abc import Iterable, Iterator
from typing import Any

from llm.testing.dialect import Payload, ReceivedFile, Rejected, check_name, received


def check_tools(body: Payload) -> None:
    """Refuse what is no tool, and calls and results that do not belong together."""
    for tool in body.get("tools") or ():
        check_name(tool["function"]["name"])
        if tool["type"] != "function" or not isinstance(tool["function"].get("parameters", {}), dict):
            raise Rejected("bad_tool")
    if not body.get("tools") and body.keys() & {"tool_choice", "parallel_tool_calls"}:
        raise Rejected("tool_choice_without_tools")
    waiting: list[str] = []
    for message in body["messages"]:
        waiting = _after(message, waiting)
    if waiting:
        raise Rejected("unanswered_tool_call")


def _after(message: Payload, waiting: list[str]) -> list[str]:
    """Return the ids of the calls that still have no result after a message."""
    if message["role"] == "tool":
        if message["tool_call_id"] not in waiting:
            raise Rejected("orphan_tool_message")
        return [each for each in waiting if each != message["tool_call_id"]]
    if waiting:
        raise Rejected("unanswered_tool_call")
    return [_id_of(call) for call in message.get("tool_calls") or ()]


def _id_of(call: Any) -> str:
    check_name(call["function"]["name"])
    found: str = call["id"]
    if call["type"] != "function" or not isinstance(call["function"]["arguments"], str) or not 0 < len(found) <= 40:
        raise Rejected("bad_tool_call")
    return found


def files_of(messages: Iterable[Payload]) -> Iterator[ReceivedFile]:
    """Read the images and documents, which only a user may send."""
    for message in messages:
        for part in message["content"] if isinstance(message.get("content"), list) else ():
            if message["role"] != "user" and part["type"] != "text":
                raise Rejected("bad_content")
            if part["type"] == "image_url":
                yield received("image/*", url=part["image_url"]["url"])
            elif part["type"] == "file":
                yield received("", url=part["file"]["file_data"])
            elif part["type"] != "text":
                raise Rejected("bad_content")
