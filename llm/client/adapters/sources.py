"""Where a model says that it has something from."""

from collections.abc import Iterator
from typing import Any

from llm.client.adapters.base import text_or_nothing
from llm.client.types import CitedSource


class Sources:
    """Lets each address through once; only what a browser may safely open."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def read(self, found: dict[str, Any], address: str) -> Iterator[CitedSource]:
        """Yield the source in an object whose field `address` holds its address."""
        url = text_or_nothing(found.get(address))
        if url.startswith(("https://", "http://")) and url not in self._seen:
            self._seen.add(url)
            yield CitedSource(url, text_or_nothing(found.get("title")))
