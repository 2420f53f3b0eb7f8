"""What tests of the feed need: changes off the wire, in both forms."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from chats.tests.helpers import SSE, lines_in, settle
from conftest import Person

PATH = "/api/changes/"


class StreamEvent(NamedTuple):
    """One server-sent event; a keep-alive is an event of no name."""

    id: str
    name: str
    data: Any


def now(person: Person) -> str:
    """Return the cursor of this moment."""
    settle()
    answer = person.get(PATH).json()
    assert (answer["results"], answer["more"]) == ([], False)
    return str(answer["next"])


def after(person: Person, cursor: str, **query: Any) -> dict[str, Any]:
    """Return one page after a cursor."""
    answer = person.get(PATH, params={"after": cursor, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def all_after(person: Person, cursor: str, size: int = 3) -> tuple[list[dict[str, Any]], str]:
    """Return everything after a cursor, page by page, and the cursor then."""
    settle()
    results: list[dict[str, Any]] = []
    while True:
        page = after(person, cursor, page_size=size)
        results, cursor = results + page["results"], page["next"]
        if not page["more"]:
            return results, cursor
        assert len(page["results"]) == size


@contextmanager
def following(person: Person, last: str = "", **query: Any) -> Iterator[Iterator[StreamEvent]]:
    """Follow the changes as a stream."""
    headers = SSE | ({"Last-Event-ID": last} if last else {})
    with person.http.stream("GET", PATH, params=query, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(lines_in(answer))


def _events(lines: Iterator[str]) -> Iterator[StreamEvent]:
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            yield StreamEvent("", "", None)
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield StreamEvent(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}


def changes_in(events: Iterator[StreamEvent], count: int) -> list[StreamEvent]:
    """Return the next changes of a stream; fail where they are not alone."""
    found: list[StreamEvent] = []
    while len(found) < count:
        event = next(events)
        assert event.name in ("", "change")
        found += [event] if event.name else []
    return found
