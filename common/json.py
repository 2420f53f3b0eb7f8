"""JSON from strangers: fast where it is ordinary, and never a crash where it is not."""

import json
from typing import Any, NoReturn

import orjson

from common.errors import NotJson

MAX_DEPTH = 64


def loads(body: bytes) -> Any:
    """Parse a request body; raise `NotJson` for anything that is not JSON or is nested deeper than 64.

    Unpaired surrogates, which orjson refuses as a whole, come through as they are: the field that holds one refuses it.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _loads_with_surrogates(body)
    if (body.count(b"[") + body.count(b"{")) > MAX_DEPTH:
        _require_shallow(value)
    return value


def _loads_with_surrogates(body: bytes) -> Any:
    if b"\\u" not in body:
        raise NotJson()
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NotJson() from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _require_shallow(value: Any) -> None:
    level, layer = 0, [value]
    while layer := [child for item in layer for child in _children(item)]:
        level += 1
        if level > MAX_DEPTH:
            raise NotJson(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


def dumps(value: Any) -> bytes:
    """Serialise our own data: UTC instants as `...Z`, UUIDs as text."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)
