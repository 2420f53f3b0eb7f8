"""Whoever goes by cursors gets every change once, whatever overlaps while it is written."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction

from accounts.models import User
from chats.changes import log_change
from chats.models import Change
from chats.services.change_log import Position, read_changes, users_with_news
from chats.tests.helpers import settle
from common.sql import is_postgresql

pytestmark = pytest.mark.django_db(transaction=True)
CHAT = Change.Kind.CHAT
Run = Callable[[Callable[[], None]], threading.Thread]


@pytest.fixture
def user() -> int:
    return User.objects.create(email=f"{uuid4().hex}@example.org").pk


@pytest.fixture
def beside() -> Iterator[Run]:
    """Return what runs a function on a thread, and closes its connection."""
    threads: list[threading.Thread] = []

    def run(function: Callable[[], None]) -> threading.Thread:
        def closing() -> None:
            try:
                function()
            finally:
                connection.close()

        threads.append(threading.Thread(target=closing))
        threads[-1].start()
        return threads[-1]

    yield run
    for thread in threads:
        thread.join(60)


class Follower:
    """Reads on from where it is."""

    def __init__(self, user: int) -> None:
        settle()
        self.user, self.seen = user, list[Position]()
        self.place = read_changes(user, None, 1).next

    def read(self, size: int = 50) -> int:
        page = read_changes(self.user, self.place, size)
        self.place = page.next
        self.seen += [row.position for row in page.rows]
        return len(page.rows)


def test_a_late_commit_is_not_passed_over(user: int, beside: Run) -> None:
    if not is_postgresql():
        pytest.skip("on SQLite one writes at a time")
    written, finish = threading.Event(), threading.Event()
    follower = Follower(user)

    def late() -> None:
        with transaction.atomic():
            log_change(user, CHAT, uuid4())
            written.set()
            finish.wait(20)

    thread = beside(late)
    assert written.wait(20)
    with transaction.atomic():
        log_change(user, CHAT, uuid4())
    before = follower.place

    assert follower.read() == 0, "the second one waits for the first"
    assert users_with_news([(user, before)]) == []
    newcomer = read_changes(user, None, 1).next
    finish.set()
    thread.join(20)
    settle()

    assert users_with_news([(user, before)]) == [user]
    assert follower.read() == 2
    assert follower.seen == sorted(follower.seen)
    assert [place.id for place in follower.seen] == list(
        Change.objects.filter(user_id=user).order_by("xid", "id").values_list("id", flat=True)
    )
    assert follower.read() == 0
    assert len(read_changes(user, newcomer, 5).rows) == 2, "who came in between gets both: neither was settled"


def test_a_transaction_that_began_first_and_wrote_last_comes_in_its_place(user: int, beside: Run) -> None:
    if not is_postgresql():
        pytest.skip("on SQLite one writes at a time")
    begun, go_on = threading.Event(), threading.Event()
    follower = Follower(user)

    def first() -> None:
        with transaction.atomic():
            log_change(user, CHAT, uuid4())
            begun.set()
            go_on.wait(20)
            log_change(user, CHAT, uuid4())  # a larger id than the other's, in an older transaction

    thread = beside(first)
    assert begun.wait(20)
    log_change(user, CHAT, uuid4())
    assert follower.read() == 0
    go_on.set()
    thread.join(20)
    settle()

    assert follower.read(1) + follower.read(1) + follower.read(1) + follower.read(1) == 3
    assert [place.id for place in follower.seen] != sorted(place.id for place in follower.seen)
    assert follower.seen == sorted(follower.seen)


def test_one_reader_gets_what_eight_writers_write(user: int, beside: Run) -> None:
    """Transactions of several rows, some of them rolled back, some of other users; pages of any size."""
    other = User.objects.create(email=f"{uuid4().hex}@example.org").pk
    follower, writing = Follower(user), [True] * 8
    until = time.monotonic() + 4

    def write(index: int) -> None:
        dice = random.Random(index)
        while time.monotonic() < until:
            with suppress(OperationalError), transaction.atomic():
                for _ in range(dice.randint(1, 3)):
                    log_change(dice.choice([user, user, other]), CHAT, uuid4())
                    time.sleep(dice.random() * 0.01)
                transaction.set_rollback(dice.random() < 0.2)
        writing[index] = False

    for index in range(8):
        beside(lambda index=index: write(index))  # type: ignore[misc]
    while any(writing):
        follower.read(random.choice([1, 2, 7, 50]))
    settle()
    while follower.read(5):
        pass

    rows = Change.objects.filter(user_id=user).order_by("xid", "id").values_list("xid", "id")
    assert follower.seen == [Position(*row) for row in rows]
    assert len(follower.seen) > 50
