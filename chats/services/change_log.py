"""Reading the log of changes in the order of commits.

Ids are given before a transaction commits, so a reader that goes by them can pass over a row that is yet to appear. On
PostgreSQL it goes by the ids of transactions, and no further than the oldest that is still running: below that nothing
appears any more. On SQLite, where one writes at a time, the ids are in the order of commits.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from chats.errors import CursorExpired
from common.sql import Statement, instant_of, run_all, uuid_or_none

_SELECT = "SELECT c.xid, c.id, c.kind, c.chat, c.message, c.file, c.at FROM chats_change c"
_OLDEST_RUNNING = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_NOW = {
    "postgresql": f"SELECT {_OLDEST_RUNNING}, 0",
    "sqlite": "SELECT 0, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'chats_change'), 0)",
}
# For each user their own index; all together by one that has the order of commits, or by the ids that are in it.
_ALL_AFTER = {"postgresql": "c.xid > 0 AND (c.xid, c.id) > (%s, %s)", "sqlite": "%s = 0 AND c.id > %s"}
_ALL_ORDER = {"postgresql": "c.xid, c.id", "sqlite": "c.id"}
_SETTLED = {"postgresql": f"c.xid < {_OLDEST_RUNNING}", "sqlite": "true"}
_WAITING = {
    "postgresql": "SELECT (value->>0)::bigint AS user_id, (value->>1)::bigint AS xid, (value->>2)::bigint AS id "
    "FROM json_array_elements(%s) AS value",
    "sqlite": "SELECT json_extract(value, '$[0]') AS user_id, json_extract(value, '$[1]') AS xid, "
    "json_extract(value, '$[2]') AS id FROM json_each(%s)",
}


class Position(NamedTuple):
    """A place in the log, before which everything has been read. Places are in the order of commits."""

    xid: int
    id: int


class ChangeRow(NamedTuple):
    """A change, and the place right after it."""

    position: Position
    kind: str
    chat: UUID | None
    message: UUID | None
    file: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Some changes in order, where to go on after them, and whether there are more already."""

    rows: list[ChangeRow]
    next: Position
    more: bool = False


def read_changes(user_id: int, after: Position | None, size: int) -> ChangesPage:
    """Return a user's changes after a place; without one none, and the place that it is now. Raises CursorExpired.

    A place is good until something behind it is forgotten; one that is yet to come is from another database.
    """
    if after is None:
        return ChangesPage([], Position(*run_all([read_now()])[0][0]))
    return _page(_after(user_id, after, size + 1), after, size)


def read_all_changes(after: Position, size: int) -> ChangesPage:
    """Return everybody's changes after a place, as `read_changes` returns one user's."""
    vendor = connection.vendor
    statement = (
        f"{_SELECT} WHERE {_ALL_AFTER[vendor]} AND {_SETTLED[vendor]} ORDER BY {_ALL_ORDER[vendor]} LIMIT %s",
        [*after, size + 1],
    )
    return _page(statement, after, size)


def first_place() -> Position:
    """Return the earliest place that is good now, in this database."""
    [now], forgotten = run_all([read_now(), _forgotten()])
    known = [Position(*place) for place in forgotten if tuple(place) <= tuple(now)]
    return max(known, default=Position(0, 0))


def newest_changes(user_id: int, after: Position, size: int) -> list[ChangeRow]:
    """Return a user's newest changes after a place, the newest first, settled or not: no place to go on from."""
    statement = (
        f"{_SELECT} WHERE c.user_id = %s AND (c.xid, c.id) > (%s, %s) ORDER BY c.xid DESC, c.id DESC LIMIT %s",
        [user_id, *after, size],
    )
    return [_row_of(values) for values in run_all([statement])[0]]


def _page(statement: Statement, after: Position, size: int) -> ChangesPage:
    # In this order: whatever is settled now is found, and what had been forgotten by then is known.
    [now], found, forgotten = run_all([read_now(), statement, _forgotten()])
    now = Position(*now)
    if after > now or any(after < tuple(place) <= now for place in forgotten):
        raise CursorExpired()
    rows = [_row_of(values) for values in found[:size]]
    if more := len(found) > size:
        return ChangesPage(rows, rows[-1].position, more)
    return ChangesPage(rows, max(now, rows[-1].position) if rows else now)


def read_now() -> Statement:
    """Return what reads the place up to which everything is settled."""
    return _NOW[connection.vendor], []


def _after(user_id: int, after: Position, size: int) -> Statement:
    return (
        f"{_SELECT} WHERE c.user_id = %s AND (c.xid, c.id) > (%s, %s) AND {_SETTLED[connection.vendor]} "
        "ORDER BY c.xid, c.id LIMIT %s",
        [user_id, *after, size],
    )


def _forgotten() -> Statement:
    return "SELECT xid, change FROM chats_forgottenchanges", []


def _row_of(values: tuple[int, int, str, object, object, object, object]) -> ChangeRow:
    xid, id_, kind, *named, at = values
    chat, message, file = map(uuid_or_none, named)
    return ChangeRow(Position(xid, id_), kind, chat, message, file, instant_of(at))


def users_with_news(waiting: Iterable[tuple[int, Position]]) -> list[int]:
    """Return those of some users who have changes after their places; one look into the index for each of them."""
    rows = [(user_id, *after) for user_id, after in waiting]
    # A subquery with a limit is no join, whose order the planner would choose.
    statement = (
        f"SELECT w.user_id FROM ({_WAITING[connection.vendor]}) w WHERE (SELECT 1 FROM chats_change c "
        "WHERE c.user_id = w.user_id AND (c.xid, c.id) > (w.xid, w.id) "
        f"AND {_SETTLED[connection.vendor]} LIMIT 1) IS NOT NULL"
    )
    return [user_id for (user_id,) in run_all([(statement, [orjson.dumps(rows).decode()])])[0]]
