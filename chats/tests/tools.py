"""Tools for tests: each writes down that it was called."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

from tools.functions import Caller, Tool, _registered

CALLED: list[tuple[str, Any]] = []
RELEASE = threading.Event()


def look_up(caller: Caller, *, word: Annotated[str, "What to look up."], size: int = 0) -> str:
    """Looks a word up."""
    CALLED.append(("look_up", word))
    return f"{word} means {word}." + "x" * size


def send_mail(caller: Caller, *, to: str) -> dict[str, str]:
    """Sends a mail."""
    CALLED.append(("send_mail", to))
    return {"sent_to": to}


async def sleep_long(caller: Caller, *, seconds: float) -> str:
    """Sleeps."""
    CALLED.append(("sleep_long", seconds))
    await asyncio.sleep(seconds)
    return "slept"


def block_long(caller: Caller) -> str:
    """Holds a thread up until the test lets it go."""
    CALLED.append(("block_long", None))
    RELEASE.wait(30)
    return "done"


async def give_up(caller: Caller) -> str:
    """Is cancelled from within."""
    raise asyncio.CancelledError


async def stay_on(caller: Caller, *, seconds: float) -> str:
    """Does not let itself be ended."""
    CALLED.append(("stay_on", seconds))
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(left)
    CALLED.append(("stay_on", "over"))
    return "done all the same"


TOOLS = [
    Tool("look_up", "Look up", look_up, True),
    Tool("send_mail", "Send a mail", send_mail, False),
    Tool("sleep_long", "Sleep", sleep_long, True),
    Tool("block_long", "Block", block_long, True),
    Tool("give_up", "Give up", give_up, True),
    Tool("stay_on", "Stay on", stay_on, True),
]


@contextmanager
def own_tools() -> Iterator[list[tuple[str, Any]]]:
    """Have these tools, and none besides, registered; yield what they were called with."""
    before = dict(_registered)
    _registered.clear()
    _registered.update({tool.name: tool for tool in TOOLS})
    CALLED.clear()
    RELEASE.clear()
    yield CALLED
    RELEASE.set()
    _registered.clear()
    _registered.update(before)
