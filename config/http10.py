"""HTTP/1.0 knows no chunks: an answer whose length is not told ends with the connection."""

from typing import Any


class _Unknown:
    """A length that anything fits into, and that is reached whenever the answer ends."""

    def __lt__(self, sent: object) -> bool:
        return False

    def __sub__(self, sent: object) -> "_Unknown":
        return self

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def answer_without_chunks(cycle: Any) -> None:
    """Have uvicorn send an answer as it is; it closes such a connection after it by itself."""
    cycle.chunked_encoding, cycle.expected_content_length = False, _Unknown()
