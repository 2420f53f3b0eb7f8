"""One call as it came in, read by our own rules for JSON before the `mcp` package sees it."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from accounts.oauth.resource_server import GrantedAccess
from common.errors import Invalid
from common.json import dumps, loads
from common.off_loop import off_loop
from common.views import json_body

MAX_METHOD, MAX_ID = 100, 256  # answers repeat both


@dataclass(slots=True)
class Call:
    """`body` is handed on to the package; `failure` is what a tool met and only HTTP can say."""

    grant: GrantedAccess
    body: bytes
    failure: Exception | None = None


async def read_call(request: HttpRequest, grant: GrantedAccess) -> Call:
    """Return the message in a body. Raises UnsupportedType, NotJson, or Invalid where it is no JSON-RPC message."""
    body = json_body(request)
    message, again = await off_loop(len(body), _read, body)
    request.rpc_id = _id_of(message)  # type: ignore[attr-defined]
    _require_bounded(message)
    return Call(grant, again)


def _read(body: bytes) -> tuple[Any, bytes]:
    """Return the message and its bytes written anew, so that all who read them understand the same."""
    message = loads(body)
    return message, dumps(message)


def _id_of(message: Any) -> int | str | None:
    found = message.get("id") if isinstance(message, dict) else None
    fits = isinstance(found, str) and len(found) <= MAX_ID
    return found if fits or type(found) is int else None


def _require_bounded(message: Any) -> None:
    if not isinstance(message, dict):
        raise Invalid("Send one JSON-RPC message; there are no batches.")
    method, name = message.get("method", ""), message.get("id", "")
    if isinstance(name, str) and len(name) > MAX_ID:
        raise Invalid(f"An id has at most {MAX_ID} characters.")
    if isinstance(method, str) and len(method) > MAX_METHOD:
        raise Invalid(f"A method has at most {MAX_METHOD} characters.")
