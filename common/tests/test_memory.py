"""What was freed goes back to the system, although something newer is still there above it."""

import asyncio
from pathlib import Path

import pytest

from common.memory import _libc, give_back_memory

pytestmark = pytest.mark.skipif(_libc() is None, reason="the C library is not glibc")
SIZE, COUNT = 2000, 25_000  # small enough not to be mapped each by itself


def resident() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def test_freed_memory_goes_back_beneath_what_is_kept() -> None:
    many = [bytes(SIZE) for _ in range(COUNT)]
    newest = bytes(SIZE)
    full = resident()
    del many
    asyncio.run(give_back_memory())

    assert len(newest) == SIZE
    assert full - resident() > SIZE * COUNT * 0.8
