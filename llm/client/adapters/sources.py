"""Where a model says that it has something from."""

from collections.abc import Iterator
from typing import Any

from llm.client.adapters.fields import MAX_TITLE, address, label
from llm.client.types import CitedSource


class Sources:
    """Lets each address through once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def read(self, found: dict[str, Any], name: str) -> Iterator[CitedSource]:
        """Yield the source in an object whose field `name` holds its address."""
        url = address(found.get(name))
        if url and url not in self._seen:
            self._seen.add(url)
            yield CitedSource(url, label(found.get("title"), MAX_TITLE))
