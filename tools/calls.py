"""Carrying out one call of a tool: arguments checked, time and size bounded, whatever happens told in words."""

import asyncio
import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from django.conf import settings

from common.errors import Invalid, NotJson, ParleyError
from common.problems import as_refusal
from common.text import repaired
from common.threads import run_in_thread
from common.views import read_object
from tools.functions import Caller, Tool

logger = logging.getLogger("parley.tools")
LATE = "{} took longer than {:g} seconds."


@dataclass(frozen=True, slots=True)
class CallResult:
    """What became of a call: its whole output as text, or what went wrong, in words for model and user."""

    output: str
    is_error: bool
    seconds: float


async def run_call(tool: Tool, caller: Caller, arguments: str) -> CallResult:
    """Call a tool with the JSON text that a model wrote; never raises but for cancellation."""
    started = time.monotonic()
    limit = asyncio.timeout(settings.TOOL_SECONDS)
    try:
        async with limit:
            output, is_error = await _call(tool, caller, arguments), False
    except (Exception, asyncio.CancelledError) as error:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        is_late = isinstance(error, TimeoutError) and limit.expired()
        output, is_error = LATE.format(tool.name, settings.TOOL_SECONDS) if is_late else _trouble(tool, error), True
    return CallResult(output, is_error, time.monotonic() - started)


def refusal_text(refusal: ParleyError) -> str:
    """Say to a model what was wrong, by the names of its arguments."""
    errors = [f"{field}: {text}" for field, texts in refusal.errors.items() for text in texts if field != "details"]
    return repaired("\n".join([refusal.detail, *errors]))


async def _call(tool: Tool, caller: Caller, arguments: str) -> str:
    """Check and call where nothing is held up; a synchronous function has a thread and a connection of its own."""
    if not tool.is_async:
        return await run_in_thread(partial(_call_sync, tool, caller, arguments))
    values = await run_in_thread(partial(_checked, tool, arguments))
    return _as_text(await tool.function(caller, **values))


def _call_sync(tool: Tool, caller: Caller, arguments: str) -> str:
    return _as_text(tool.function(caller, **_checked(tool, arguments)))


def _checked(tool: Tool, arguments: str) -> dict[str, Any]:
    try:
        given = read_object(arguments.strip().encode("utf-8", "surrogatepass"))
    except (NotJson, Invalid) as error:
        raise Invalid("The arguments are not a JSON object.") from error
    return tool.checked(given)


def _as_text(output: Any) -> str:
    """Return what a function returned as storable text, cut at `MAX_TOOL_OUTPUT` characters."""
    text = output if isinstance(output, str) else orjson.dumps(output, default=str).decode()
    most = settings.MAX_TOOL_OUTPUT
    if len(text) > most:
        text = f"{text[:most]}\n(cut after {most:,} of {len(text):,} characters)"
    return repaired(text)


def _trouble(tool: Tool, error: BaseException) -> str:
    if refusal := as_refusal(error):
        return refusal_text(refusal)
    logger.error("tool %s failed", tool.name, exc_info=error)
    return f"{tool.name} failed."
