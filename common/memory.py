"""Giving memory back: glibc keeps what was freed, in a heap of its own for every thread, until it is told to let go.

Without this a server that had 500 streams once holds their memory for ever, although no Python object is left of them.
"""

import asyncio
import ctypes
import functools
from typing import Any

M_ARENA_MAX = -8  # malloc.h
ARENAS = 2
GIVE_BACK_SECONDS = 15.0


@functools.cache
def _libc() -> Any:
    """Return the C library where it is glibc, else None: others have neither the habit nor the remedy."""
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None


def share_arenas() -> None:
    """Have all threads allocate from a few heaps; called before they are started. (MALLOC_ARENA_MAX does the same.)"""
    if libc := _libc():
        libc.mallopt(M_ARENA_MAX, ARENAS)


async def give_back_memory() -> None:
    """Return freed pages to the system, beside the event loop: it takes a few milliseconds."""
    if libc := _libc():
        await asyncio.to_thread(libc.malloc_trim, 0)
