"""The statements that every turn passes read as much from a chat of 10,000 messages as from one of 10."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from accounts.models import User
from chats.history import Bucket
from chats.models import Chat, Folder, Message, State, Turn
from chats.services.chats import chats_of, in_bucket, newest_below, require_chat
from chats.tree import branch, read_message
from chats.turns.context import read_context
from chats.turns.reads import read_reply
from common.ids import uuid7
from common.sql import run_all

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SHORT, LONG = 10, 10_000

pytestmark = pytest.mark.django_db


class Filled:
    """A chat of a given length: one branch, each reply with its turn."""

    def __init__(self, owner: User, length: int) -> None:
        self.chat = Chat.objects.create(owner=owner, title="x", created_at=NOW, updated_at=NOW)
        parent, rows, turns = None, [], []
        for number in range(1, length + 1):
            role = "user" if number % 2 else "assistant"
            row = Message(
                chat=self.chat, number=number, parent=parent, role=role, content=f"Text {number}", created_at=NOW
            )
            if role == "assistant":
                turns.append(self._turn(owner, parent, row, number // 2))
            rows.append(row)
            parent = row
        Message.objects.bulk_create(rows, batch_size=500)
        Turn.objects.bulk_create(turns, batch_size=500)
        self.ids = [row.id for row in rows]
        Chat.objects.filter(pk=self.chat.pk).update(head_id=self.ids[-1])

    def _turn(self, owner: User, question: Message | None, reply: Message, number: int) -> Turn:
        return Turn(
            chat=self.chat, user=owner, number=number, question=question, reply=reply,
            state=State.COMPLETE, started_at=NOW,
        )  # fmt: skip


@pytest.fixture
def owner() -> User:
    return User.objects.create(email="planner@example.org")


STATEMENTS: dict[str, Callable[[Filled], object]] = {
    "context": lambda filled: run_all([read_context(filled.chat.pk, filled.ids[-1], 5)]),
    "a page of the branch, siblings counted": lambda filled: branch(filled.chat.pk, filled.ids[-1], 8),
    "a message": lambda filled: read_message(filled.chat.pk, filled.ids[-1]),
    "the first message among its siblings": lambda filled: read_message(filled.chat.pk, filled.ids[0]),
    "the newest reply": lambda filled: read_reply(filled.chat.pk),
    "a reply": lambda filled: read_reply(filled.chat.pk, filled.ids[-1]),
    "a reply by its number": lambda filled: read_reply(filled.chat.pk, number=2),
    "the head": lambda filled: require_chat(filled.chat.owner_id, filled.chat.pk),
    "the leaf below a reply": lambda filled: newest_below(filled.chat.pk, filled.ids[-1]),
    "the chat list": lambda filled: list(chats_of(filled.chat.owner_id, Folder.ACTIVE).order_by("-updated_at")[:50]),
}


def run(call: Callable[[], object]) -> list[tuple[str, Any]]:
    """Return the statements that a call makes, with their parameters."""
    made: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        made.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        call()
    return made


def explained(prefix: str, statement: tuple[str, Any]) -> list[Any]:
    sql, params = statement
    with connection.cursor() as cursor:
        cursor.execute(f"{prefix} {sql}", params)
        return cursor.fetchall()


def steps(statements: list[tuple[str, Any]]) -> list[str]:
    """Return SQLite's plan."""
    return [row[3] for statement in statements for row in explained("EXPLAIN QUERY PLAN", statement)]


def rows_read(statements: list[tuple[str, Any]]) -> int:
    """Return how many rows PostgreSQL really read from tables."""

    def read(node: dict[str, Any]) -> int:
        removed = sum(value for name, value in node.items() if name.startswith("Rows Removed by"))
        own = (node["Actual Rows"] + removed) * node["Actual Loops"] if "Relation Name" in node else 0
        return int(own) + sum(map(read, node.get("Plans", [])))

    total = 0
    for statement in statements:
        plan = explained("EXPLAIN (ANALYZE, FORMAT JSON)", statement)[0][0]
        total += read((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
    return total


def test_no_statement_reads_more_of_a_longer_chat(owner: User, on_postgresql: bool) -> None:
    chats = {length: Filled(owner, length) for length in (SHORT, LONG)}
    check(chats, on_postgresql)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # what the planner knows of the table changes its mind
    check(chats, on_postgresql)


def check(chats: dict[int, Filled], on_postgresql: bool) -> None:
    for name, call in STATEMENTS.items():
        short, long = run(lambda: call(chats[SHORT])), run(lambda: call(chats[LONG]))  # noqa: B023
        assert len(short) == len(long) > 0, name
        if on_postgresql:
            assert rows_read(long) <= rows_read(short) + 5, name
            assert rows_read(long) < 200, name
        else:
            scanned = {step.split()[1] for step in steps(long) if step.startswith("SCAN")}
            assert scanned <= {"path", "CONSTANT"}, (name, steps(long))  # the walk's own rows
            assert any("USING" in step for step in steps(long)), name


def test_a_walk_for_context_ends_where_nothing_counts(owner: User, on_postgresql: bool) -> None:
    filled = Filled(owner, 400)
    Message.objects.filter(chat=filled.chat).update(content="")

    found = run_all([read_context(filled.chat.pk, filled.ids[-1], 5)])
    statements = run(lambda: run_all([read_context(filled.chat.pk, filled.ids[-1], 5)]))

    assert found == [[]]
    assert not on_postgresql or rows_read(statements) <= 2 * (2 * 5 + 40)


def test_many_replies_to_one_question_are_counted_by_the_index(owner: User, on_postgresql: bool) -> None:
    filled = Filled(owner, 400)
    twins = [
        Message(
            id=uuid7(), chat=filled.chat, number=400 + index, parent_id=filled.ids[-2], role="assistant",
            content="x", created_at=NOW,
        )
        for index in range(1, 31)
    ]  # fmt: skip
    Message.objects.bulk_create(twins)

    row = read_message(filled.chat.pk, twins[9].id)

    assert row is not None
    assert (row.siblings.index(row.id), len(row.siblings)) == (10, 31)
    if on_postgresql:
        assert rows_read(run(lambda: read_message(filled.chat.pk, twins[9].id))) < 100


def folder(number: int) -> Folder:
    """Return where one of many chats lies: few are not where most are."""
    return Folder.ARCHIVED if number > 1990 else Folder.ACTIVE if number % 20 else Folder.TRASH


@pytest.mark.parametrize("wanted", ["list", "archived", "pinned", "older"])
def test_lists_find_their_chats_in_order_by_an_index(owner: User, wanted: str, on_postgresql: bool) -> None:
    made = NOW - timedelta(days=9)
    chats = [
        Chat(
            owner=owner, created_at=made, updated_at=made - timedelta(minutes=n), pinned=n % 500 == 0, folder=folder(n)
        )
        for n in range(2000)
    ]
    Chat.objects.bulk_create(chats)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    rows = chats_of(owner.pk, Folder.ARCHIVED if wanted == "archived" else Folder.ACTIVE).order_by("-updated_at", "-id")
    rows = rows.filter(pinned=True) if wanted == "pinned" else rows
    rows = rows.filter(updated_at__lt=NOW - timedelta(days=7)) if wanted == "older" else rows

    statements = run(lambda: list(rows[:50]))

    if on_postgresql:
        assert rows_read(statements) < 200
    else:
        index = "chat_pinned" if wanted == "pinned" else "chat_by_activity"
        assert any(f"USING INDEX {index} (owner_id=? AND folder=?" in step for step in steps(statements))


@pytest.mark.parametrize("analyzed", [False, True])
def test_chats_of_a_day_are_found_by_their_creation(owner: User, analyzed: bool, on_postgresql: bool) -> None:
    made = [NOW - timedelta(minutes=n) for n in range(20_000)]
    Chat.objects.bulk_create(
        [Chat(owner=owner, created_at=at, updated_at=NOW, folder=folder(n)) for n, at in enumerate(made)]
    )
    if analyzed:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    statements = run(lambda: in_bucket(owner.pk, Bucket.SEVEN_DAYS, NOW, ZoneInfo("UTC")))

    if on_postgresql:
        assert not analyzed or rows_read(statements) < 200
    else:
        assert any("USING INDEX chat_by_creation" in step for step in steps(statements))
        assert not any("TEMP B-TREE FOR ORDER BY" in step for step in steps(statements)), steps(statements)
