"""What the fake provider says, so that whoever asked can check every byte of it.

A prompt carries a plan: `bench:TOKENS:PACE`. PACE 0: packets of ten tokens, a millisecond apart, always the same text.
PACE n: a token every n milliseconds, each with the moment at which it left, and a checksum of the rest as the last one.
"""

import re
from functools import cache
from zlib import crc32

PACKET = 10
PLAN = re.compile(rb"bench:(\d+):(\d+)")
STAMPED = re.compile(rb"(\d{4}):(\d{8}) ")
WHOLE = re.compile(rb"(?:\d{4}:\d{8} )*crc:[0-9a-f]{8}")
TICKS = 10_000  # a second in the units of the stamps
WRAP = 10**8


@cache
def tokens(count: int) -> tuple[str, ...]:
    """Return the unpaced reply, token by token."""
    return tuple(f"tok{number:04d} " for number in range(count))


@cache
def text(count: int) -> str:
    return "".join(tokens(count))


def prompt(count: int, pace: int = 0) -> str:
    """Return a prompt that asks for so many tokens."""
    return f"What follows from this? bench:{count}:{pace}"


def stamp(number: int, now: float) -> bytes:
    """Return a token that says when it left, on the clock that all processes share."""
    return b"%04d:%08d " % (number, int(now * TICKS) % WRAP)


def checksum(rest: bytes) -> bytes:
    return b"crc:%08x" % crc32(rest)


def is_whole(reply: bytes, count: int) -> bool:
    """Tell whether a paced reply arrived complete and unchanged."""
    body, mark = reply[:-12], reply[-12:]
    numbers = [int(number) for number, _ in STAMPED.findall(body)]
    return mark == checksum(body) and numbers == list(range(count - 1))
