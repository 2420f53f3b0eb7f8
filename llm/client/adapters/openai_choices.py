"""Chat completions of which more than one reply, or the log probabilities of its tokens, were asked for."""

from collections.abc import Callable, Iterator
from typing import Any

from llm.client.adapters.base import Reader
from llm.client.adapters.fields import members, objects, opaque, position
from llm.client.types import CitedSource, Finished, LogProbs, OtherChoice, ProviderEvent, ProviderMetadata


class ChoicesReader:
    """Reads every choice by a reader of its own, which takes it for the only one."""

    def __init__(self, make_reader: Callable[[], Reader], count: int) -> None:
        self._make_reader, self._count = make_reader, count
        self._first = make_reader()
        self._others: dict[int, Reader] = {}
        self.goes_on = False

    def read(self, chunk: dict[str, Any]) -> Iterator[ProviderEvent]:
        """Yield the deltas of all choices; log probabilities come before the text that they belong to."""
        choices = list(objects(chunk.get("choices")))
        if not choices:
            yield from self._first.read(chunk)
        for choice in choices:
            index = (position(choice.get("index")) or 0) if self._count > 1 else 0  # some servers count tokens in it
            if 0 <= index < self._count:
                if content := _log_probs(choice):
                    yield from _of(index, [LogProbs(content)])
                yield from _of(index, self._reader(index).read({**chunk, "choices": [choice]}))
        self.goes_on = any(reader.goes_on for reader in (self._first, *self._others.values()))

    def rest(self) -> Iterator[ProviderEvent]:
        """Yield what only the end completes, of the first choice last: its own end comes right after."""
        for index, reader in self._others.items():
            yield from _of(index, reader.rest())
            if end := reader.end():
                yield from _of(index, [end])
        yield from self._first.rest()

    def end(self) -> Finished | None:
        """Return the end of the first choice, once all have ended."""
        ends = [reader.end() for reader in (*self._others.values(), self._first)]
        return ends[-1] if all(ends) else None

    def _reader(self, index: int) -> Reader:
        if not index:
            return self._first
        return self._others.get(index) or self._others.setdefault(index, self._make_reader())


def _log_probs(choice: dict[str, Any]) -> list[Any]:
    content = opaque(members(choice.get("logprobs")).get("content"))
    return content if isinstance(content, list) else []


def _of(index: int, events: Any) -> Iterator[ProviderEvent]:
    """Yield events as those of a choice; what the others cite, or a provider alone understands, is of no use."""
    for event in events:
        if not index:
            yield event
        elif not isinstance(event, CitedSource | ProviderMetadata | OtherChoice):
            yield OtherChoice(index, event)
