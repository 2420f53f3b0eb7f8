"""One call as it came in, read by our own rules for JSON before the `mcp` package sees it."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.oauth.resource_server import GrantedAccess
from common.errors import Invalid, UnsupportedType
from common.json import loads
from common.text import UNSTORABLE, is_storable

LARGE_BODY = 2**18  # from here on a body is read on a thread
MAX_METHOD, MAX_ID = 100, 256  # answers repeat both


@dataclass(slots=True)
class Call:
    """`body` is handed on to the package; `failure` is what a tool met and only HTTP can say."""

    grant: GrantedAccess
    body: bytes
    failure: Exception | None = None


async def read_call(request: HttpRequest, grant: GrantedAccess) -> Call:
    """Return the message in a body. Raises UnsupportedType, NotJson, or Invalid where it is no JSON-RPC message."""
    if request.content_type not in settings.JSON_TYPES:
        raise UnsupportedType()
    body = request.body
    large = len(body) > LARGE_BODY
    message, again = await asyncio.to_thread(_read, body) if large else _read(body)
    request.rpc_id = _id_of(message)  # type: ignore[attr-defined]
    _require_bounded(message)
    return Call(grant, again)


def _read(body: bytes) -> tuple[Any, bytes]:
    """Return the message and its bytes written anew, so that all who read them understand the same.

    An unpaired surrogate becomes NUL: no parser takes the one, and no tool takes either.
    """
    message = loads(body)
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return message, UNSTORABLE.sub(r"\\u0000", text).encode()


def _id_of(message: Any) -> int | str | None:
    found = message.get("id") if isinstance(message, dict) else None
    fits = isinstance(found, str) and len(found) <= MAX_ID and is_storable(found)
    return found if fits or type(found) is int else None


def _require_bounded(message: Any) -> None:
    if not isinstance(message, dict):
        raise Invalid("Send one JSON-RPC message; there are no batches.")
    method, name = message.get("method", ""), message.get("id", "")
    if isinstance(name, str) and len(name) > MAX_ID:
        raise Invalid(f"An id has at most {MAX_ID} characters.")
    if isinstance(method, str) and len(method) > MAX_METHOD:
        raise Invalid(f"A method has at most {MAX_METHOD} characters.")
