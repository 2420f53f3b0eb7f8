"""What the tests of the search share: chats that are there at once, and what is found in them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from accounts.models import User
from chats.changes import log_change
from chats.models import Change, Chat, Message, State
from conftest import Person
from search.indexing import index_place, read_batch, store_batch
from search.queries import parse_query
from search.services import SearchResult, search

PATH = "/api/search/"
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def new_user() -> User:
    return User.objects.create(email=f"{uuid4().hex}@example.org")


def new_chat(owner: User, texts: Iterable[str] = (), title: str = "", at: datetime = START, **values: Any) -> Chat:
    """Make a chat of questions and replies in turn, a minute apart, and log it as the doors do."""
    chat = Chat.objects.create(owner=owner, title=title, created_at=at, updated_at=at, **values)
    log_change(owner.pk, Change.Kind.CHAT, chat.pk)
    for text in texts:
        add_message(chat, text)
    return chat


def add_message(chat: Chat, text: str, **values: Any) -> Message:
    number = Message.objects.filter(chat=chat).count() + 1
    parent = Message.objects.filter(chat=chat).order_by("-number").first()
    role = "user" if number % 2 else "assistant"
    row = Message.objects.create(
        chat=chat, number=number, content=text, state=State.COMPLETE,
        **{"role": role, "parent": parent, "created_at": chat.created_at + timedelta(minutes=number), **values},
    )  # fmt: skip
    log_change(chat.owner_id, Change.Kind.MESSAGE, chat.pk, row.pk)
    return row


def index_all() -> None:
    """Do what the periodic work does, until nothing is left."""
    place = index_place()
    while (batch := read_batch(place)).next != place and store_batch(place, batch):
        place = batch.next


def found(owner: User, q: str, size: int = 100, zone: str = "UTC") -> list[SearchResult]:
    return search(owner.pk, parse_query(q, ZoneInfo(zone)), size).results


def texts(results: Iterable[SearchResult]) -> list[str]:
    return ["".join(part.text for part in result.snippet) for result in results]


def marked(result: SearchResult) -> list[str]:
    return [part.text for part in result.snippet if part.marked]


def asked(person: Person, q: str, **query: Any) -> dict[str, Any]:
    """Return one page of a person's search."""
    answer = person.get(PATH, params={"q": q, **query})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def messages_found(person: Person, q: str, **query: Any) -> list[UUID | None]:
    return [row["message"] for row in asked(person, q, **query)["results"]]
