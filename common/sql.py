"""Raw SQL that runs on SQLite and PostgreSQL alike: how each of them takes UUIDs and instants."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from django.db import DataError, IntegrityError, connection

# Django stores a UUID on SQLite as 32 hex digits; this makes a plain parameter do the same.
sqlite3.register_adapter(UUID, lambda value: value.hex)

WAL_FIX = (3, 51, 3)  # the SQLite that cannot damage a database in WAL mode any more
FOREIGN_KEY_VIOLATION = "23503"
Statement = tuple[str, Sequence[Any]]


@cache
def is_postgresql() -> bool:
    return connection.vendor == "postgresql"


def run_all(statements: Sequence[Statement]) -> list[list[Any]]:
    """Run statements in order and return the rows of each; on PostgreSQL they take one round trip."""
    if not statements:
        return []
    with connection.cursor() as cursor:
        if not is_postgresql():
            return [cursor.execute(sql, params).fetchall() for sql, params in statements]
        cursor.execute(bound(cursor, statements, "; "))
        found: list[list[Any]] = []
        while len(found) < len(statements):
            found.append(cursor.fetchall() if cursor.description else [])
            cursor.nextset()
        return found


def bound(cursor: Any, statements: Sequence[Statement], between: str) -> str:
    """Return statements, or parts of one, joined and with their values put in as the driver writes them; PostgreSQL's.

    psycopg remembers how it took apart a text of up to 4,096 bytes and 50 values, and takes a larger one apart each
    time, which costs more than all else it does for it: so what it is given at once stays below.
    """
    written: list[str] = []
    text, values = "", list[Any]()
    for sql, params in statements:
        if text and (len(values) + len(params) > 50 or len(text) + len(sql) > 4000):
            written.append(cursor.cursor.mogrify(text, values))
            text, values = "", []
        text = f"{text}{between}{sql}" if text else sql
        values.extend(params)
    return between.join([*written, cursor.cursor.mogrify(text, values)])


def is_unstorable(error: BaseException) -> bool:
    """Tell whether a value was refused for what it is: a number, date or text that no column takes."""
    return isinstance(error, DataError | OverflowError | UnicodeEncodeError)


def is_orphan(error: BaseException) -> bool:
    """Tell whether a row was refused because what it belongs to is gone: only a deletion a moment earlier does that."""
    if not isinstance(error, IntegrityError):
        return False
    return getattr(error.__cause__, "sqlstate", "") == FOREIGN_KEY_VIOLATION or "FOREIGN KEY" in str(error)


def among() -> tuple[str, Callable[[list[int]], Any]]:
    """Return how a statement asks whether a number is one of many: the operator, and what makes its parameter."""
    if is_postgresql():
        return "= ANY(%s)", list
    return "IN (SELECT value FROM json_each(%s))", lambda numbers: orjson.dumps(numbers).decode()


def uuid_of(value: Any) -> UUID:
    """Return a column's value as a UUID on either database."""
    return value if isinstance(value, UUID) else UUID(value)


def uuid_or_none(value: Any) -> UUID | None:
    return None if value is None else uuid_of(value)


def instant(value: datetime) -> Any:
    """Return an aware instant as the database takes it in a plain parameter."""
    return value if is_postgresql() else str(value.astimezone(UTC).replace(tzinfo=None))


def instant_of(value: Any) -> datetime:
    """Return a column's value as an aware UTC instant on either database."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromisoformat(value).replace(tzinfo=UTC)
