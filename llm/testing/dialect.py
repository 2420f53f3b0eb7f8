"""What the vendors' formats have in common, seen from the fake."""

import json
import re
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from llm.testing.script import Script

Payload = dict[str, Any]
VALID_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch


class Rejected(ValueError):
    """A request that the vendor would answer with 400; the code says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request, as far as the reply depends on it."""

    model: str
    prompt: str  # the last text of the user
    rounds: int  # of tool results after it
    stream: bool
    include_usage: bool
    prompt_tokens: int


class Dialect(Protocol):
    """One vendor's way to say the same things."""

    done: bytes

    def __hash__(self) -> int: ...
    def call(self, body: Payload, path: str) -> Call: ...
    def check(self, body: Payload, script: Script) -> None: ...
    def opening(self, script: Script, call: Call) -> list[Payload]: ...
    def delta(self, text: str, call: Call) -> Payload: ...
    def extras(self, script: Script, call: Call) -> list[Payload]: ...
    def ending(self, script: Script, call: Call, count: int) -> list[Payload]: ...
    def whole(self, script: Script, call: Call) -> Payload: ...
    def error(self, status: int, code: str, retry_after: str) -> Payload: ...


def check_fields(body: Payload, script: Script) -> None:
    """Refuse the fields that a server does not know, one at a time, as the strict ones do."""
    for name in script.refuses:
        if name in body:
            raise Rejected(f"unknown_field_{name}")


def check_name(name: str) -> None:
    """Refuse what is no name of a tool."""
    if not VALID_NAME(name):
        raise Rejected("bad_tool_name")


def encoded(payload: Payload) -> bytes:
    """Serialise; what orjson refuses (half a surrogate pair) goes out as an escape."""
    try:
        return orjson.dumps(payload)
    except TypeError:
        return json.dumps(payload, separators=(",", ":")).encode()


def error_message(status: int, code: str) -> str:
    """Say something a vendor would, with what must never reach our log."""
    return f"Fake failure {status} {code} for key sk-leaked0123456789 and prompt text."
