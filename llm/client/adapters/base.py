"""What both vendors' streams have in common: objects in, events out, one end."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Protocol

from llm.client.adapters.fields import text_or_nothing as text_or_nothing
from llm.client.error_mapping import map_error
from llm.client.errors import ProviderBroken
from llm.client.transport import Request, StreamCut, json_objects
from llm.client.types import Finished, ProviderEvent


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


async def read_events(request: Request, reader: Reader) -> AsyncGenerator[ProviderEvent, None]:
    """Send a request and yield its reply; an end that nobody announced is a fault.

    What is odd in an object the reader leaves out; what it stumbles over even so breaks the reply.
    """
    provider, objects = request.provider, json_objects(request)
    del request
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
    yield end
