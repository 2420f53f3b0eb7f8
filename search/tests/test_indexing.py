"""Whatever overlaps, each message is indexed once, each title as it is, and nothing of what is gone."""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from accounts.models import User
from chats.changes import log_change
from chats.models import Change, Chat, ForgottenChanges, Message
from chats.services.change_log import Position, read_changes
from chats.services.chats import change_chat, delete_chat
from chats.tests.helpers import settle
from common.retrying import retry_conflicts
from common.sql import is_postgresql, run_all
from search.indexing import index_newest, index_place, read_batch, store_batch
from search.models import Document, IndexPosition
from search.tests.helpers import add_message, found, index_all, new_chat, new_user, texts

pytestmark = pytest.mark.django_db(transaction=True)
Run = Callable[[Callable[[], None]], threading.Thread]


@pytest.fixture
def beside() -> Iterator[Run]:
    """Return what runs a function on a thread of its own; what it raises fails the test."""
    threads: list[threading.Thread] = []
    failures: list[BaseException] = []

    def run(function: Callable[[], None]) -> threading.Thread:
        def closing() -> None:
            try:
                function()
            except BaseException as error:
                failures.append(error)
            finally:
                connection.close()

        threads.append(threading.Thread(target=closing))
        threads[-1].start()
        return threads[-1]

    yield run
    for thread in threads:
        thread.join(120)
    assert failures == []


def indexed(owner: User) -> Counter[UUID | None]:
    return Counter(Document.objects.filter(owner_id=owner.pk).values_list("message_id", flat=True))


def test_a_late_commit_is_not_passed_over(beside: Run) -> None:
    if not is_postgresql():
        pytest.skip("on SQLite one writes at a time")
    owner = new_user()
    first, second = new_chat(owner, title="first"), new_chat(owner, title="second")
    written, finish = threading.Event(), threading.Event()

    def late() -> None:
        with transaction.atomic():
            add_message(first, "late")
            written.set()
            finish.wait(20)

    thread = beside(late)
    assert written.wait(20)
    add_message(second, "early")
    index_all()
    assert texts(found(owner, "early")) == ["early"], "a search does not wait for others"
    finish.set()
    thread.join(20)
    settle()
    index_all()

    assert Document.objects.filter(owner_id=owner.pk, message__content="late").count() == 1


def keep_indexing(until: float, owner: User | None = None) -> None:
    """Index until shortly after a moment, as the periodic work does, or as a search of somebody's."""
    while time.monotonic() < until + 0.5:
        time.sleep(0.02)
        index_newest(owner.pk) if owner else index_all()


@pytest.mark.parametrize("way", ["log", "log and searches"])
def test_several_who_index_neither_double_nor_miss(beside: Run, way: str) -> None:
    """Four indexers, among writers whose transactions overlap, are rolled back, and have several messages."""
    owners = [new_user() for _ in range(2)]
    chats = [new_chat(owner, title=f"chat {number}") for number in range(3) for owner in owners]
    until, writers = time.monotonic() + 5, 6 if is_postgresql() else 2

    def write(index: int) -> None:
        dice, own = random.Random(index), chats[index % len(chats)]
        while time.monotonic() < until:
            with transaction.atomic():
                for _ in range(dice.randint(1, 3)):
                    add_message(own, f"word{dice.randint(0, 9)} of {index}")
                    time.sleep(dice.random() * 0.01 if is_postgresql() else 0)
                transaction.set_rollback(dice.random() < 0.2)
            time.sleep(dice.random() * 0.1)  # SQLite lets whoever comes at the right moment write, and others wait

    indexers = [None, None, *(owners if way == "log and searches" else [None, None])]
    threads = [beside(lambda number=number: write(number)) for number in range(writers)]
    threads += [beside(lambda owner=owner: keep_indexing(until, owner)) for owner in indexers]
    for thread in threads:
        thread.join(60)
    settle()
    index_all()

    for owner in owners:
        written = set(Message.objects.filter(chat__owner=owner).values_list("pk", flat=True))
        assert len(written) > 20
        counted = indexed(owner)
        assert counted.pop(None) == 3, "titles"
        assert counted == Counter(written)


def test_deletions_and_indexing_never_cross(beside: Run) -> None:
    owner, until = new_user(), time.monotonic() + 4
    kept: list[UUID] = []

    def come_and_go() -> None:
        while time.monotonic() < until:
            chat = new_chat(owner, ["one", "two"], title="soon gone")
            time.sleep(random.random() * 0.02)
            if random.random() < 0.8:
                delete_chat(owner.pk, chat.pk)
            else:
                kept.append(chat.pk)

    threads = [
        beside(come_and_go),
        beside(come_and_go),
        beside(lambda: keep_indexing(until)),
        beside(lambda: keep_indexing(until, owner)),
    ]
    for thread in threads:
        thread.join(60)
    settle()
    index_all()

    chats = Counter(Document.objects.filter(owner_id=owner.pk).values_list("chat_id", flat=True))
    assert chats == Counter(dict.fromkeys(kept, 3))
    if not is_postgresql():
        [[(terms,)], [(documents,)]] = run_all(
            [("SELECT count(*) FROM search_terms", []), ("SELECT count(*) FROM search_document", [])]
        )
        assert terms == documents


def test_a_title_is_indexed_as_it_is_in_the_end(beside: Run) -> None:
    owner, until = new_user(), time.monotonic() + 4
    chat = new_chat(owner, title="name0")
    names = iter(range(1, 1_000_000))

    def rename() -> None:
        while time.monotonic() < until:
            retry_conflicts(change_chat, owner.pk, chat.pk, {"title": f"name{next(names)}"})
            time.sleep(random.random() * 0.01)

    threads = [
        beside(rename),
        beside(rename),
        beside(lambda: keep_indexing(until)),
        beside(lambda: keep_indexing(until, owner)),
    ]
    for thread in threads:
        thread.join(60)
    settle()
    index_all()

    title = Chat.objects.get(pk=chat.pk).title
    assert [result.title for result in found(owner, title)] == [title]
    assert indexed(owner) == {None: 1}
    assert found(owner, "name0") == []


def test_messages_of_one_moment_and_like_ids_are_all_there() -> None:
    """Imports have whole seconds, and the ids of documents twenty bits of chance."""
    owner = new_user()
    chat = new_chat(owner)
    for number in range(30):
        add_message(chat, f"twin {number}", id=UUID(int=(uuid4().int >> 20 << 20) + 7), created_at=chat.created_at)

    index_all()

    assert len(found(owner, "twin")) == 30


def test_a_title_follows_its_chat() -> None:
    owner = new_user()
    chat = new_chat(owner)
    index_all()
    assert indexed(owner) == {}, "nothing to be found"

    for title, q, count in (
        ("Otters", "otters", 1),
        ("Beavers", "otters", 0),
        ("!?", "beavers", 0),
        ("Otters", "otters", 1),
    ):
        change_chat(owner.pk, chat.pk, {"title": title})
        settle()
        index_all()
        assert len(found(owner, q)) == count
    [before] = Document.objects.filter(chat=chat).values_list("pk", flat=True)
    change_chat(owner.pk, chat.pk, {"pinned": True})
    settle()
    index_all()
    assert found(owner, "is:pinned otters")
    assert before == Document.objects.get(chat=chat).pk


def test_what_was_forgotten_unread_is_told_and_does_not_stop_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    owner = new_user()
    chat = new_chat(owner, ["lost"], title="lost")
    settle()
    place = read_changes(owner.pk, None, 1).next
    Change.objects.all().delete()
    ForgottenChanges.objects.update_or_create(pk=1, defaults={"xid": place.xid, "change": place.id})
    IndexPosition.objects.update_or_create(pk=1, defaults={"xid": 0, "change": 0})
    if is_postgresql():
        log_change(owner.pk, Change.Kind.CHAT, uuid4())
    add_message(chat, "kept")
    settle()

    with caplog.at_level(logging.ERROR, "parley.search"):
        index_all()

    assert "manage.py reindex" in caplog.text
    assert index_place() > Position(0, 0)
    assert texts(found(owner, "kept")) == ["kept"]


def test_a_place_of_another_cluster_is_left() -> None:
    """A dump brings its own places along; transactions here may be counted from far below."""
    owner = new_user()
    IndexPosition.objects.update_or_create(pk=1, defaults={"xid": 10**15, "change": 10**15})
    new_chat(owner, ["over here"])
    settle()

    index_all()

    assert index_place() < Position(10**15, 0)
    assert Document.objects.filter(owner_id=owner.pk).count() == 1


def test_where_nothing_has_changed_nothing_is_written() -> None:
    """A place written down is a transaction, after which the log has settled further: there would be no end to it."""
    new_chat(new_user(), ["all there is"])
    settle()
    batch = read_batch(index_place())
    assert store_batch(index_place(), batch) is True
    settle()

    assert read_batch(batch.next).next == batch.next == index_place()


def test_two_batches_of_one_place_are_stored_once() -> None:
    owner = new_user()
    new_chat(owner, ["only once"])
    settle()
    place = index_place()
    one, other = read_batch(place), read_batch(place)

    assert store_batch(place, one) is True
    assert store_batch(place, other) is False
    assert len(found(owner, "once")) == 1
