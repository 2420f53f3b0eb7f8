"""Work that grows with what a client sends is not done on the event loop, where everybody would wait for it."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

SMALL = 2**14  # bytes or characters that are dealt with at once


async def off_loop(size: int, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function: on a thread where it has more to do than a little.

    A call in C that takes more than some milliseconds holds up the loop even so (`common.json`).
    """
    return await asyncio.to_thread(function, *args, **kwargs) if size > SMALL else function(*args, **kwargs)
