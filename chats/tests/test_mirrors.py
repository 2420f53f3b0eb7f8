"""Replies that other processes run: what a mirror does with what it hears and reads."""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from chats.models import Role, State
from chats.rows import MessageRow
from chats.turns.events import Waiting
from chats.turns.reads import Followed, News
from chats.turns.replication import mirror as mirror_module
from chats.turns.replication.mirror import Mirror, Mirrors
from chats.turns.reply_log import ReplyLog
from common.ids import uuid7

pytestmark = pytest.mark.asyncio


class PubSub:
    """Redis as it were: healthy, and what is sent is written down."""

    healthy = True

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def send(self, owner: str, content: dict[str, Any]) -> None:
        self.sent.append((owner, content))

    async def subscribe(self, reply_id: UUID) -> bool:
        return True

    async def unsubscribe(self, reply_id: UUID) -> None:
        pass


def stored(reply: UUID, state: str, owner: str, epoch: int, text: str) -> Followed:
    row = MessageRow(id=reply, number=2, parent=None, role=Role.ASSISTANT, state=state, created_at=timezone.now())
    row.parts = [("text", text)]
    found = Followed(1, uuid7(), owner, epoch, row)
    if state == State.WAITING:
        found.waiting = Waiting(0, len(text), [], timezone.now())
    return found


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the rows say: `news` and `replies`, and a function `meanwhile` that is called while they are read."""
    said: dict[str, Any] = {"news": {}, "replies": {}, "meanwhile": lambda: None}

    class Database:
        async def read(self, function: Callable[..., Any], *_: Any) -> Any:
            said["meanwhile"]()
            return said["news" if function is mirror_module.read_news else "replies"]

    monkeypatch.setattr(mirror_module, "database", Database)
    return said


def watched(pubsub: PubSub) -> tuple[Mirrors, Mirror]:
    """Return mirrors with one that waits."""
    mirrors, log = Mirrors(pubsub), ReplyLog(uuid7(), uuid7(), uuid7(), 1)  # type: ignore[arg-type]
    found = stored(log.reply_id, State.WAITING, "", 1, "abc")
    mirror = Mirror(log, found)
    mirror.take(found)
    mirrors._mirrors[log.reply_id] = mirror
    return mirrors, mirror


async def refreshed(mirrors: Mirrors, mirror: Mirror) -> None:
    await mirrors._refresh(time.monotonic())
    await mirrors._review(mirror, time.monotonic(), False)


async def test_who_goes_on_with_a_reply_is_asked_at_once_to_publish(database: dict[str, Any]) -> None:
    pubsub = PubSub()
    mirrors, mirror = watched(pubsub)
    await mirrors._review(mirror, time.monotonic(), False)
    assert pubsub.sent == [], "nobody runs what waits"
    mirror.asked = time.monotonic()  # whoever ran it before was asked a moment ago
    reply = mirror.log.reply_id
    database["news"] = {reply: News(State.STREAMING, 2)}
    database["replies"] = {reply: stored(reply, State.STREAMING, "other", 2, "abc")}

    await refreshed(mirrors, mirror)

    assert pubsub.sent == [("other", {"subscribe": reply, "from": 3})]
    assert mirror.log.waiting is None


async def test_what_is_heard_while_the_rows_are_read_is_not_forgotten(database: dict[str, Any]) -> None:
    mirrors, mirror = watched(PubSub())
    reply = mirror.log.reply_id
    database["news"] = {reply: News(State.WAITING, 1)}  # as it was a moment ago
    database["meanwhile"] = lambda: mirrors.on_data(reply, [])

    await refreshed(mirrors, mirror)

    database["news"] = {reply: News(State.STOPPED, 1)}
    database["replies"] = {reply: stored(reply, State.STOPPED, "", 1, "abc")}
    await refreshed(mirrors, mirror)
    assert mirror.log.end is not None, "the next tick reads it again"


async def test_a_reply_that_waits_is_read_once_a_second(database: dict[str, Any]) -> None:
    read: list[float] = []
    mirrors, mirror = watched(PubSub())
    database["news"] = {mirror.log.reply_id: News(State.WAITING, 1)}
    database["meanwhile"] = lambda: read.append(time.monotonic())
    ends = time.monotonic() + 2.5

    while time.monotonic() < ends:
        await refreshed(mirrors, mirror)
        await asyncio.sleep(0.05)

    assert 2 <= len(read) <= 3
