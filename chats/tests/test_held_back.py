"""Text that cannot be stored is not shown for long, and is not lost when it can be stored again."""

import threading
import time

from django.db import transaction

from chats.models import Chunk, Turn
from chats.tests.helpers import Event, ended, eventually, fake, fold, streaming
from conftest import Person


class Reader(threading.Thread):
    """Reads a reply on a thread of its own."""

    def __init__(self, person: Person, chat: str, content: str) -> None:
        super().__init__(daemon=True)
        self.person, self.chat, self.content = person, chat, content
        self.events: list[Event] = []

    def run(self) -> None:
        with streaming(self.person, self.chat, self.content) as events:
            for event in events:
                self.events.append(event)

    @property
    def shown(self) -> int:
        return len(fold(list(self.events)))


def reading(person: Person, chat: str, content: str) -> Reader:
    """Start to read, and return once some text is stored."""
    reader = Reader(person, chat, content)
    reader.start()
    eventually(lambda: Chunk.objects.filter(message__chat_id=chat).exists())
    return reader


def stands_still(reader: Reader) -> bool:
    before = reader.shown
    time.sleep(0.5)
    return reader.shown == before


def test_what_cannot_be_stored_is_held_back_and_comes_later(alice: Person) -> None:
    chat = alice.chat()
    reader = reading(alice, chat, fake(size=3000, chunk=10, delay=0.01))

    with transaction.atomic():  # SQLite: the one write lock; PostgreSQL: the turn's row
        turn = Turn.objects.select_for_update().get(chat_id=chat)
        eventually(lambda: stands_still(reader))
        held = reader.shown
        stored = sum(len(chunk.text) for chunk in Chunk.objects.filter(message=turn.reply_id))
        assert turn.state == "streaming"
        assert stored <= held < 3000

    reader.join(60)
    reply = ended(alice, chat)
    assert (reply["state"], len(reply["content"])) == ("complete", 3000)
    assert fold(reader.events) == reply["content"]


def test_an_end_that_cannot_be_stored_is_stored_later(alice: Person) -> None:
    """Longer than the database waits for a lock, so that the first tries fail."""
    chat = alice.chat()
    reader = reading(alice, chat, fake(size=600, chunk=10, delay=0.02))

    with transaction.atomic():
        turn = Turn.objects.select_for_update().get(chat_id=chat)
        time.sleep(6.5)
        assert "end" not in {event.name for event in reader.events}

    reader.join(60)
    turn.refresh_from_db()
    reply = alice.messages(chat)[-1]
    assert (turn.state, reply["state"], len(reply["content"])) == ("complete", "complete", 600)
    assert fold(reader.events) == reply["content"]
    assert [event.name for event in reader.events].count("end") == 1
    assert not Chunk.objects.filter(message=turn.reply_id).exists()
