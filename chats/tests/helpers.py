"""What many tests of chats need: events off the wire, waiting without guessing, people who do things at once."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import httpx

from chats.services.change_log import read_changes
from common.sql import is_postgresql, run_all
from conftest import Person

T = TypeVar("T")
STEP = 10**9
END = STEP - 1
SSE = {"Accept": "text/event-stream"}
# Members that every refusal has.
PROBLEM = {"type", "title", "status", "code", "detail", "correlation_id", "errors"}


class Event(NamedTuple):
    """One server-sent event; a keep-alive comment is an event of that name."""

    id: int | None
    name: str
    data: Any


def fake(**script: Any) -> str:
    """Return a prompt that scripts the fake provider's reply to it."""
    return f"!fake {json.dumps(script)}"


def eventually(probe: Callable[[], T], seconds: float = 60) -> T:
    """Return what the probe returns once it is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def settle() -> None:
    """Wait until no older transaction hides what was committed; whatever runs on the cluster may, for a moment."""
    if is_postgresql():
        begun = run_all([("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint", [])])[0][0][0]
        eventually(lambda: read_changes(0, None, 1).next.xid >= begun)


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make all calls at the same moment, each on a thread of its own."""
    together, answers = threading.Barrier(len(calls)), dict[int, T]()

    def run(index: int, call: Callable[[], T]) -> None:
        together.wait(10)
        answers[index] = call()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [answers[index] for index in range(len(calls))]


def lines_in(answer: httpx.Response) -> Iterator[str]:
    """Yield lines as the standard for event streams knows them (httpx also ends them at U+2028 and the like)."""
    rest = b""
    for part in answer.iter_bytes():
        *whole, rest = (rest + part).split(b"\n")
        yield from (line.decode() for line in whole)
    assert not rest


def events_in(answer: httpx.Response) -> Iterator[Event]:
    """Yield the events of a stream as they come."""
    assert answer.headers["content-type"].startswith("text/event-stream"), answer.read()
    fields: dict[str, str] = {}
    for line in lines_in(answer):
        if line.startswith(":"):
            yield Event(None, line[1:].strip(), None)
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Event(int(fields["id"]) if "id" in fields else None, fields["event"], json.loads(fields["data"]))
            fields = {}


@contextmanager
def streaming(person: Person, chat: str, content: str, **kwargs: Any) -> Iterator[Iterator[Event]]:
    """Send a message and yield the reply's events."""
    headers = SSE | kwargs.pop("headers", {})
    body = {"content": content, **kwargs}
    with person.http.stream("POST", f"/api/chats/{chat}/messages/", json=body, headers=headers) as answer:
        yield events_in(answer)


def sent(person: Person, chat: str, content: str, **kwargs: Any) -> list[Event]:
    """Send a message and return all events of its reply."""
    with streaming(person, chat, content, **kwargs) as events:
        return list(events)


def followed(person: Person, chat: str, headers: dict[str, str] | None = None, **query: Any) -> list[Event]:
    """Follow a chat's reply to its end; nothing where there is nothing to follow."""
    with person.http.stream("GET", f"/api/chats/{chat}/stream/", params=query, headers=headers) as answer:
        return [] if answer.status_code == 204 else list(events_in(answer))


def begin(person: Person, chat: str, content: str, **values: Any) -> dict[str, Any]:
    """Start a turn, do not wait for it, and return its reply."""
    answer = person.post(f"/api/chats/{chat}/messages/?wait=false", {"content": content, **values})
    assert answer.status_code == 202, answer.text
    return dict(answer.json()["reply"])


def reply_of(person: Person, chat: str) -> dict[str, Any]:
    """Return the last message of the branch shown."""
    return person.messages(chat)[-1]


def ended(person: Person, chat: str) -> dict[str, Any]:
    """Wait until the last reply has ended and return it."""
    return eventually(lambda: (row := reply_of(person, chat))["state"] != "streaming" and row)  # type: ignore[return-value]


def fold(events: Sequence[Event], known: str = "") -> str:
    """Do as a client does: cut to `at`, then append."""
    text = known
    for event in events:
        if event.name == "delta":
            text = text[: event.data["at"]] + event.data["text"]
        elif event.name == "end":
            text = text[: event.data["at"]]
    return text


def parts_in(events: Sequence[Event]) -> list[tuple[str, Any]]:
    """Return the parts that deltas make up: text joined to what is before it where that is of the same kind."""
    parts: list[tuple[str, Any]] = []
    for data in (event.data for event in events if event.name == "delta"):
        if "part" in data:
            parts.append((data["kind"], data["part"]))
        elif parts and parts[-1][0] == data["kind"]:
            parts[-1] = (data["kind"], parts[-1][1] + data["text"])
        else:
            parts.append((data["kind"], data["text"]))
    return parts


def ids(events: Sequence[Event]) -> list[int]:
    return [event.id for event in events if event.id is not None]


def asked(request: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """Return the system text and the (role, text) messages of a recorded request of either vendor."""
    body = request["body"]
    if request["vendor"] == "gemini":
        system = body.get("systemInstruction", {"parts": [{"text": ""}]})["parts"][0]["text"]
        return system, [(item["role"], item["parts"][0]["text"]) for item in body["contents"]]
    messages = [(item["role"], item["content"]) for item in body["messages"]]
    system = messages.pop(0)[1] if messages[0][0] == "system" else ""
    return system, messages


def is_refusal(answer: httpx.Response, status: int | None = None) -> bool:
    """Tell whether an answer is a 4xx in the one shape, named by its correlation id."""
    problem = answer.json()
    texts = [text for texts in problem["errors"].values() for text in texts]
    return (
        400 <= answer.status_code < 500
        and answer.status_code == (status or answer.status_code)
        and answer.headers["content-type"] == "application/problem+json"
        and problem.keys() >= PROBLEM
        and problem["status"] == answer.status_code
        and bool(re.fullmatch("[0-9a-f]{32}", problem["correlation_id"]))
        and problem["correlation_id"] == answer.headers.get("X-Request-ID")
        and bool(texts)
        and all(isinstance(text, str) and text for text in texts)
    )
