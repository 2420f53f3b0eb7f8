"""What all vendors' streams have in common: objects in, events out, one end."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Any, Protocol

from llm.client.error_mapping import map_error
from llm.client.errors import ProviderBroken
from llm.client.transport import Request, StreamCut, json_objects
from llm.client.types import Finished, ProviderEvent, Usage


class Reader(Protocol):
    """Reads one reply; keeps what only its end tells.

    `goes_on` says that text has come since the provider said that it had finished, as it may where it says so early.
    """

    goes_on: bool

    def read(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Yield the chunk's deltas."""
        ...

    def rest(self) -> Iterator[ProviderEvent]:
        """Yield what only the end completes; asked for once, and only if there is an end."""
        ...

    def end(self) -> Finished | None:
        """Return the end, or None while the provider has not said that it finished."""
        ...


def nothing_more() -> None:
    """Say that a provider finishes a reply in one go."""


async def read_events(
    request: Request, reader: Reader, go_on: Callable[[], Request | None] = nothing_more
) -> AsyncGenerator[ProviderEvent, None]:
    """Send a request and yield its reply; an end that nobody announced is a fault.

    What is odd in an object the reader leaves out; what it stumbles over even so breaks the reply. After an end,
    `go_on` gives the request for the rest of the reply, where a provider has only paused.
    """
    asked: Request | None = request
    provider = request.provider
    del request
    while asked is not None:
        objects, asked = json_objects(asked), None
        try:
            async with aclosing(objects) as chunks:
                async for chunk in chunks:
                    if chunk.get("error"):
                        raise map_error(provider, chunk)
                    for event in reader.read(chunk):
                        yield event
        except (AttributeError, IndexError, KeyError, RecursionError, TypeError) as error:
            raise ProviderBroken(provider, f"unexpected shape: {type(error).__name__}") from error
        except StreamCut as error:
            # Cut after its last word: the reply is whole.
            if reader.goes_on or reader.end() is None:
                raise ProviderBroken(provider, str(error)) from error
        end = reader.end()
        if end is None:
            raise ProviderBroken(provider, "ended without a finish reason")
        for event in reader.rest():
            yield event
        asked = go_on()
        if asked is None:
            yield end


def added(before: Usage | None, more: Usage | None) -> Usage | None:
    """Sum up what the parts of a reply took."""
    if before is None or more is None:
        return before or more
    return Usage(
        before.prompt + more.prompt,
        before.completion + more.completion,
        before.cached + more.cached,
        before.reasoning + more.reasoning,
    )
