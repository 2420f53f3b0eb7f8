"""Pictures of strangers, made small and clean."""

import threading
from dataclasses import dataclass
from typing import BinaryIO

from common.child_process import run_child
from common.media import MediaType

CHILD = "common.small_picture"  # imported by its own process alone
TIMEOUT = 30  # seconds
# Decoding 25 megapixels takes 100 MB; two at a time are enough.
_children = threading.BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class SmallPicture:
    width: int  # of the picture it was made of
    height: int
    data: bytes


def make_small(file: BinaryIO, kind: MediaType, side: int, pixels: int, form: str) -> SmallPicture:
    """Return a picture as `form` (JPEG, WEBP), at most `side` wide and high: its first frame, upright, no metadata.

    Raises ChildFailed, in words for people, for what is no acceptable picture, and Unavailable.
    """
    with _children:
        said = run_child(CHILD, [str(side), str(pixels), form, kind.format], file, TIMEOUT)
    size, _, data = said.partition(b"\n")
    width, height = map(int, size.split())
    return SmallPicture(width, height, data)
