"""Reading the tree of messages: one row, a branch, siblings. Raw SQL, since every turn passes here.

No statement's cost depends on the length of the chat: a walk goes from a leaf up its parents and stops. The join to the
parent is one that no planner turns round: LATERAL on PostgreSQL (a plain join lets it guess hundreds of rows in the
working table and read the whole chat by a hash join), CROSS JOIN on SQLite (newer releases do the same after ANALYZE).
"""

from typing import Any
from uuid import UUID

from django.db import connection

from chats.rows import MessageRow, columns, row_of
from common.sql import is_postgresql, uuid_of

# How far a walk for context goes past turns that do not count, at most.
WALK_SLACK = 40


def read_message(chat_id: UUID, message_id: UUID) -> MessageRow | None:
    """Return one message with its siblings counted, as one statement saw it."""
    rows = _select(f"SELECT {columns()} FROM chats_message m WHERE m.id = %s AND m.chat_id = %s", [message_id, chat_id])
    count_siblings(chat_id, rows)
    return rows[0] if rows else None


def branch(chat_id: UUID, leaf: UUID, limit: int) -> list[MessageRow]:
    """Return the last `limit` messages of the branch that ends in `leaf`, oldest first."""
    rows = _select(
        f"WITH RECURSIVE path (id, parent_id, depth) AS ("
        f"SELECT id, parent_id, 1 FROM chats_message WHERE id = %s AND chat_id = %s "
        f"UNION ALL SELECT up.id, up.parent_id, path.depth + 1 FROM path {parent_join()} WHERE path.depth < %s) "
        f"SELECT {columns()} FROM path {row_join()} ORDER BY path.depth DESC",
        [leaf, chat_id, limit],
    )
    count_siblings(chat_id, rows)
    return rows


def depth_below(chat_id: UUID, leaf: UUID, message_id: UUID, limit: int) -> int | None:
    """Return the how manieth a message is on the branch that ends in `leaf`, counted from there, if within a limit."""
    found = _fetch(
        f"WITH RECURSIVE path (id, parent_id, depth) AS ("
        f"SELECT id, parent_id, 1 FROM chats_message WHERE id = %s AND chat_id = %s "
        f"UNION ALL SELECT up.id, up.parent_id, path.depth + 1 FROM path {parent_join()} WHERE path.depth < %s) "
        f"SELECT depth FROM path WHERE id = %s",
        [leaf, chat_id, limit, message_id],
    )
    return found[0][0] if found else None


def parent_join() -> str:
    """SQL that joins each message of a walk to its parent, `up`."""
    if is_postgresql():
        return "CROSS JOIN LATERAL (SELECT * FROM chats_message WHERE id = path.parent_id LIMIT 1) up"
    return "CROSS JOIN chats_message up ON up.id = path.parent_id"


def row_join() -> str:
    """SQL that joins each message of a walk to its row, `m`."""
    if is_postgresql():
        return "CROSS JOIN LATERAL (SELECT * FROM chats_message WHERE id = path.id LIMIT 1) m"
    return "CROSS JOIN chats_message m ON m.id = path.id"


def count_siblings(chat_id: UUID | None, rows: list[MessageRow]) -> None:
    """Fill in the place of each row among the messages that share its parent; replies need no chat for that."""
    parents = [row.parent for row in rows if row.parent]
    places = _siblings("parent_id", parents) if parents else {}
    if chat_id and any(row.parent is None for row in rows):
        places |= _roots(chat_id)
    for row in rows:
        row.siblings = places.get(row.id, ())


def _siblings(column: str, parents: list[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    marks = ", ".join(["%s"] * len(parents))
    return _places(f"SELECT id, {column} FROM chats_message WHERE {column} IN ({marks}) ORDER BY number", parents)


def _roots(chat_id: UUID) -> dict[UUID, tuple[UUID, ...]]:
    return _places(
        "SELECT id, chat_id FROM chats_message WHERE chat_id = %s AND parent_id IS NULL ORDER BY number", [chat_id]
    )


def _places(sql: str, params: list[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    groups: dict[Any, list[UUID]] = {}
    for id_, group in _fetch(sql, params):
        groups.setdefault(group, []).append(uuid_of(id_))
    return {id_: ids for ids in map(tuple, groups.values()) for id_ in ids}


def _select(sql: str, params: list[Any]) -> list[MessageRow]:
    return [row_of(values) for values in _fetch(sql, params)]


def _fetch(sql: str, params: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
