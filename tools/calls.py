"""Carrying out one call of a tool: arguments checked, time and size bounded, whatever happens told in words."""

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from django.conf import settings

from common.errors import NotJson, ParleyError
from common.json import loads
from common.text import repaired
from common.threads import run_in_thread
from tools.functions import Caller, Tool

logger = logging.getLogger("parley.tools")


@dataclass(frozen=True, slots=True)
class CallResult:
    """What became of a call: its whole output as text, or what went wrong, in words for model and user."""

    output: str
    is_error: bool
    seconds: float


class BadArguments(Exception):
    """What a model gave is not what the tool takes."""


async def run_call(tool: Tool, caller: Caller, arguments: str) -> CallResult:
    """Call a tool with the JSON text that a model wrote; never raises but for cancellation."""
    started = time.monotonic()
    limit = asyncio.timeout(settings.TOOL_SECONDS)
    try:
        async with limit:
            output, is_error = await _call(tool, caller, arguments), False
    except BadArguments as error:
        output, is_error = str(error), True
    except ParleyError as refusal:
        output, is_error = _refusal_text(refusal), True
    except (Exception, asyncio.CancelledError) as error:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        output, is_error = _failure_text(tool, isinstance(error, TimeoutError) and limit.expired()), True
    return CallResult(output, is_error, time.monotonic() - started)


def _failure_text(tool: Tool, is_late: bool) -> str:
    if is_late:
        return f"{tool.name} took longer than {settings.TOOL_SECONDS:g} seconds."
    logger.exception("tool %s failed", tool.name)
    return f"{tool.name} failed."


async def _call(tool: Tool, caller: Caller, arguments: str) -> str:
    """Check and call where nothing is held up; a synchronous function has a thread and a connection of its own."""
    if not tool.is_async:
        return await run_in_thread(partial(_call_sync, tool, caller, arguments))
    values = await run_in_thread(partial(_checked, tool, arguments))
    return _as_text(await tool.function(caller, **values))


def _call_sync(tool: Tool, caller: Caller, arguments: str) -> str:
    return _as_text(tool.function(caller, **_checked(tool, arguments)))


def _checked(tool: Tool, arguments: str) -> dict[str, Any]:
    from pydantic import ValidationError

    try:
        given = loads(arguments.encode("utf-8", "surrogatepass")) if arguments.strip() else {}
    except NotJson as error:
        raise BadArguments("The arguments are not JSON.") from error
    try:
        checked = tool.arguments.model_validate(given)
    except ValidationError as error:
        told = [f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in error.errors()]
        raise BadArguments("\n".join(told)) from error
    return {name: getattr(checked, name) for name in type(checked).model_fields}


def _as_text(output: Any) -> str:
    """Return what a function returned as storable text, cut at `MAX_TOOL_OUTPUT` characters."""
    text = output if isinstance(output, str) else orjson.dumps(output, default=str).decode()
    most = settings.MAX_TOOL_OUTPUT
    if len(text) > most:
        text = f"{text[:most]}\n(cut after {most:,} of {len(text):,} characters)"
    return repaired(text)


def _refusal_text(refusal: ParleyError) -> str:
    errors = [f"{field}: {text}" for field, texts in refusal.errors.items() for text in texts if field != "details"]
    return "\n".join([refusal.detail, *errors])
