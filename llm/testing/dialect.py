"""What the vendors' formats have in common, seen from the fake."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import orjson

from llm.testing.script import Script

Payload = dict[str, Any]
VALID_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch


class Rejected(ValueError):
    """A request that the vendor would answer with 400; the code says why."""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """An image or a document as it arrived; `digest` is the SHA-256 of its bytes."""

    media_type: str
    size: int = 0
    digest: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A request, as far as the reply depends on it."""

    model: str
    prompt: str  # the last text of the user
    rounds: int  # of tool results after it
    stream: bool
    include_usage: bool
    prompt_tokens: int
    files: tuple[ReceivedFile, ...] = ()
    thoughts: Literal["shown", "hidden", "none"] = "shown"  # what was asked for
    is_resumed: bool = False  # the rest of a reply that was paused
    n: int = 1
    logprobs: bool = False


class Dialect(Protocol):
    """One vendor's way to say the same things."""

    done: bytes
    names_events: bool  # each has its type beside its data, too

    def __hash__(self) -> int: ...
    def call(self, body: Payload, path: str) -> Call: ...
    def check(self, body: Payload, script: Script, headers: Mapping[str, str]) -> None: ...
    def opening(self, script: Script, call: Call) -> list[Payload]: ...
    def delta(self, text: str, script: Script, call: Call) -> Payload: ...
    def extras(self, script: Script, call: Call) -> list[Payload]: ...
    def ending(self, script: Script, call: Call, count: int) -> list[Payload]: ...
    def whole(self, script: Script, call: Call) -> Payload: ...
    def error(self, status: int, code: str, retry_after: str) -> Payload: ...
    def stream_error(self, script: Script, call: Call) -> Payload: ...


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


def signature(*what: str) -> str:
    """Sign what comes back unchanged or not at all."""
    return base64.b64encode(hashlib.sha256("\0".join(what).encode("utf-8", "surrogatepass")).digest()[:15]).decode()


def received(media_type: str, data: str = "", url: str = "") -> ReceivedFile:
    """Read a file: base64, or an address, of which one with `data:` holds all of it."""
    if url.startswith("data:"):
        head, _, data = url.removeprefix("data:").partition(",")
        media_type, url = head.removesuffix(";base64"), ""
    if url:
        return ReceivedFile(media_type, url=url)
    content = base64.b64decode(data, validate=True)
    return ReceivedFile(media_type, len(content), hashlib.sha256(content).hexdigest())


def check_known(body: Payload, known: frozenset[str]) -> None:
    """Refuse what no vendor's request has."""
    if unknown := body.keys() - known:
        raise Rejected(f"unknown_parameter.{min(unknown)}")


def halves(text: str) -> list[str]:
    """Cut in two."""
    middle = len(text) // 2
    return [piece for piece in (text[:middle], text[middle:]) if piece]
