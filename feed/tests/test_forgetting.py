"""Changes are kept for CHANGES_KEEP_DAYS; a cursor from before what was forgotten is 410, and no other one is."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from chats.models import Change, ForgottenChanges
from chats.services import change_log, change_retention
from chats.services.change_log import Position, read_changes
from chats.services.change_retention import forget_changes
from chats.tests.helpers import SSE, is_refusal, settle
from common.sql import is_postgresql
from conftest import Person
from feed.tests.helpers import PATH, following, now


@pytest.fixture
def user(db: None) -> int:
    return User.objects.create(email=f"{uuid4().hex}@example.org").pk


def log(user: int, days: float, **values: Any) -> Position:
    """Log a change of so many days ago and return its place."""
    at = timezone.now() - timedelta(days=days)
    row = Change.objects.create(user_id=user, kind="chat", chat=uuid4(), at=at, **values)
    row.refresh_from_db()
    if "xid" not in values:
        settle()
    return Position(row.xid, row.pk)


def expired(user: int, place: Position) -> bool:
    try:
        read_changes(user, place, 10)
    except change_log.CursorExpired:
        return True
    return False


@pytest.mark.django_db(transaction=True)
def test_only_what_is_old_is_forgotten_and_only_what_led_to_it_expires(user: int) -> None:
    start = read_changes(user, None, 1).next
    old = [log(user, 31), log(user, 30.1)]
    kept = [log(user, 29.9), log(user, 0)]
    assert not any(expired(user, place) for place in (start, *old, *kept)), "nothing is forgotten yet"

    assert forget_changes() == 2
    assert forget_changes() == 0

    assert [expired(user, place) for place in (start, *old, *kept)] == [True, True, False, False, False]
    assert [row.position for row in read_changes(user, old[-1], 10).rows] == kept
    assert [row.position for row in read_changes(user, kept[0], 10).rows] == kept[1:]
    assert ForgottenChanges.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_longer_keeping_time_revives_no_cursor(user: int, settings: Any) -> None:
    start = read_changes(user, None, 1).next
    log(user, 40)
    forget_changes()

    settings.CHANGES_KEEP_DAYS = 365

    assert expired(user, start)


@pytest.mark.django_db(transaction=True)
def test_who_follows_an_empty_log_never_expires(user: int) -> None:
    log(user, 40)
    forget_changes()
    place = read_changes(user, None, 1).next

    assert not expired(user, place)
    new = log(user, 0)
    assert [row.position for row in read_changes(user, place, 10).rows] == [new]


@pytest.mark.django_db(transaction=True)
def test_it_is_forgotten_in_batches(user: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(change_retention, "AT_ONCE", 3)
    places = [log(user, 40) for _ in range(7)]
    log(user, 1)

    assert [forget_changes() for _ in range(4)] == [3, 3, 1, 0]

    assert ForgottenChanges.objects.values_list("xid", "change").get() == places[-1]


@pytest.mark.django_db(transaction=True)
def test_a_place_that_is_yet_to_come_is_of_another_database(user: int, on_postgresql: bool) -> None:
    place = read_changes(user, None, 1).next

    assert not expired(user, place)
    assert expired(user, Position(place.xid + 10**6, 0))
    if not on_postgresql:  # where the rest of the cluster goes on meanwhile
        assert expired(user, Position(place.xid, place.id + 10**6))


@pytest.mark.django_db(transaction=True)
def test_a_dump_brought_into_another_cluster_is_no_obstacle(user: int, on_postgresql: bool) -> None:
    """There the ids of transactions begin anew, below those of the rows in the dump."""
    if not on_postgresql:
        pytest.skip("SQLite has no such ids")
    far = 10**15
    ForgottenChanges.objects.create(pk=1, xid=far, change=5)
    place = read_changes(user, None, 1).next
    log(user, 1, xid=far + 1)
    new = log(user, 0)

    assert [row.position for row in read_changes(user, place, 10).rows] == [new]
    assert forget_changes() == 1, "what is foreign goes, however new it is"
    assert ForgottenChanges.objects.get().xid == far, "nothing of our own was forgotten"
    old = log(user, 40)
    assert forget_changes() == 1
    assert ForgottenChanges.objects.values_list("xid", "change").get() == old
    assert expired(user, place)


@pytest.mark.django_db
def test_reading_costs_the_same_however_many_changes_others_have(user: int) -> None:
    others = [User.objects.create(email=f"{index}-{uuid4().hex}@example.org").pk for index in range(20)]
    at = timezone.now()
    rows = [Change(user_id=other, kind="chat", chat=uuid4(), at=at, xid=1) for other in others for _ in range(500)]
    Change.objects.bulk_create(rows)
    Change.objects.bulk_create(Change(user_id=user, kind="chat", chat=uuid4(), at=at, xid=1) for _ in range(30))
    plans = []
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        for statement, params in statements(user, others):
            cursor.execute(f"{'EXPLAIN' if is_postgresql() else 'EXPLAIN QUERY PLAN'} {statement}", params)
            plans.append("\n".join(str(row) for row in cursor.fetchall()))

    for plan in plans:
        assert "change_by_user" in plan, plan
        assert "Seq Scan on chats_change" not in plan
        assert "SCAN c" not in plan
        assert "xid" in plan, "the index leads to the place, not to the user alone"


def statements(user: int, others: list[int]) -> list[Any]:
    made: list[Any] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        made.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        change_log.run_all([change_log._after(user, Position(1, 5), 51)])
        change_log.users_with_news([(each, Position(1, 5)) for each in (user, *others)])
    return made


def test_the_answer_is_410_by_its_code(alice: Person) -> None:
    Change.objects.all().delete()  # only so many of the oldest are looked at, whosever they are
    cursor = now(alice)
    log(alice.id, 40)
    forget_changes()

    for headers in ({}, SSE):
        answer = alice.get(PATH, params={"after": cursor, "wait": 1}, headers=headers)
        assert is_refusal(answer, 410)
        assert answer.json()["code"] == "cursor_expired"
    with following(alice) as events:
        assert next(events).name == "start"
