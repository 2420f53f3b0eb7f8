"""What Gemini refuses of requests with functions."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from llm.testing.dialect import Payload, ReceivedFile, Rejected, check_name, received
from llm.testing.script import Script

ANY_SIGNATURE = "skip_thought_signature_validator"


def check_functions(body: Payload) -> None:
    """Refuse bad names, and calls and responses that do not belong together."""
    for tool in body.get("tools") or ():
        for function in tool["functionDeclarations"]:
            check_name(function["name"])
    nothing: Payload = {"parts": []}
    for before, after in pairwise([nothing, *body["contents"], nothing]):
        calls, responses = _all(before, "functionCall"), _all(after, "functionResponse")
        if sorted(each["name"] for each in calls) != sorted(each["name"] for each in responses):
            raise Rejected("orphan_function_response" if not calls else "unanswered_function_call")
        if {each.get("id") for each in calls} != {each.get("id") for each in responses}:
            raise Rejected("wrong_function_response_id")
        if not all(isinstance(each["args"], dict) for each in calls):
            raise Rejected("bad_function_call")


def check_signatures(running: list[Payload], script: Script) -> None:
    """Refuse calls of the running turn without a signature that a script gave out."""
    known = {each.signature for each in (script, *script.steps) if each.signature}
    for content in running if known else ():
        found = {part["thoughtSignature"] for part in content["parts"] if "thoughtSignature" in part}
        if not found and _all(content, "functionCall"):
            raise Rejected("missing_thought_signature")
        if found - known - {ANY_SIGNATURE}:
            raise Rejected("corrupted_thought_signature")


def files_of(body: Payload) -> Iterator[ReceivedFile]:
    """Read the images and documents."""
    for content in body["contents"]:
        for data in _all(content, "inlineData"):
            yield received(data["mimeType"], data["data"])
        for data in _all(content, "fileData"):
            yield received(data["mimeType"], url=data["fileUri"])


def _all(content: Payload, kind: str) -> list[Any]:
    return [part[kind] for part in content["parts"] if kind in part]
