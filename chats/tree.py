"""Reading the tree of messages: one row, a branch, the context of a prompt. Raw SQL, since every turn passes here.

No statement's cost depends on the length of the chat: a walk goes from a leaf up its parents and stops. (On PostgreSQL
the recursive step is LATERAL: a plain join lets the planner, which guesses hundreds of rows in the working table, read
the whole chat by a hash join.)
"""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from common.sql import Statement, instant_of, is_postgresql, uuid_of, uuid_or_none

Part = tuple[str, str]  # kind ("reasoning" or "text"), text

_PIECES = {
    "postgresql": "(SELECT json_agg(json_build_array(p.at, p.kind, p.text) ORDER BY p.at) "
    "FROM chats_piece p JOIN chats_turn t ON t.id = p.turn_id WHERE t.reply_id = m.id)",
    "sqlite": "(SELECT json_group_array(json_array(p.at, p.kind, p.text)) "
    "FROM chats_piece p JOIN chats_turn t ON t.id = p.turn_id WHERE t.reply_id = m.id)",
}
_COLUMNS = (
    "m.id, m.number, m.client_id, m.parent_id, m.role, m.content, m.reasoning, m.layout, m.state, m.reason, "
    "m.model, m.provider, m.prompt_tokens, m.completion_tokens, m.created_at"
)
# How far a walk for context goes past turns that do not count, at most.
WALK_SLACK = 40
COMMAND = "command"  # reason of an answer that no model gave; no part of the context


def text_of(parts: list[Part], kind: str) -> str:
    """Return all text of one kind."""
    return "".join(text for part, text in parts if part == kind)


@dataclass(slots=True)
class MessageRow:
    """A message as it stood at one instant, its pieces joined in."""

    id: UUID
    number: int
    client_id: str | None
    parent: UUID | None
    role: str
    parts: list[Part]
    state: str
    reason: str
    model: str
    provider: str
    prompt_tokens: int | None
    completion_tokens: int | None
    created_at: datetime
    siblings: tuple[int, int] = field(default=(0, 1))  # index, count
    retry_after: float | None = None  # an overloaded provider's hint; known right after the run, not stored

    @property
    def content(self) -> str:
        return text_of(self.parts, "text")

    @property
    def reasoning(self) -> str:
        return text_of(self.parts, "reasoning")

    @property
    def length(self) -> int:
        """Stored length in code points over all parts."""
        return sum(len(text) for _, text in self.parts)


def columns() -> str:
    """Return the select list that `row_of` reads; the message's alias is `m`."""
    return f"{_COLUMNS}, CASE WHEN m.state = 'streaming' THEN {_PIECES[connection.vendor]} END"


def bare_columns() -> str:
    """Return what an UPDATE gives back of a message whose text is at hand: `row_of` reads it as empty."""
    return _COLUMNS.replace("m.content, m.reasoning, m.layout", "'', '', NULL").replace("m.", "") + ", NULL"


def row_of(values: Any) -> MessageRow:
    """Make a row of what `columns` selected."""
    (id_, number, client_id, parent, role, content, reasoning, layout, *told, created_at, pieces) = values
    state, reason, model, provider, prompt_tokens, completion_tokens = told
    return MessageRow(
        uuid_of(id_), number, client_id, uuid_or_none(parent), role,
        lay_out(content, reasoning, _json(layout)) + _piece_parts(_json(pieces)),
        state, reason, model, provider, prompt_tokens, completion_tokens, instant_of(created_at),
    )  # fmt: skip


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


def _piece_parts(pieces: list[tuple[int, str, str]] | None) -> list[Part]:
    return [(kind, text) for _, kind, text in sorted(pieces or [])]


def lay_out(content: str, reasoning: str, layout: list[tuple[str, int]] | None) -> list[Part]:
    """Return stored text as parts in order of arrival."""
    if layout is None:
        return [(kind, text) for kind, text in (("reasoning", reasoning), ("text", content)) if text]
    left = {"reasoning": reasoning, "text": content}
    parts = []
    for kind, length in layout:
        parts.append((kind, left[kind][:length]))
        left[kind] = left[kind][length:]
    return parts


def layout_of(parts: list[Part]) -> list[tuple[str, int]] | None:
    """Return the layout to store, or None where the parts are reasoning first and then text."""
    runs = [(kind, sum(len(text) for _, text in run)) for kind, run in groupby(parts, key=lambda part: part[0])]
    return None if [kind for kind, _ in runs] in ([], ["reasoning"], ["text"], ["reasoning", "text"]) else runs


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
        f"UNION ALL SELECT up.id, up.parent_id, path.depth + 1 FROM path {_up()} WHERE path.depth < %s) "
        f"SELECT {columns()} FROM path {_rows()} ORDER BY path.depth DESC",
        [leaf, chat_id, limit],
    )
    count_siblings(chat_id, rows)
    return rows


def context(chat_id: UUID, leaf: UUID | None, turns: int) -> Statement:
    """Return what reads (role, content) of the last `turns` turns that end in the reply `leaf`, oldest first.

    A turn counts where its reply has text, was not blocked and comes from a model; others are left out with their
    question.
    """
    counts = (
        "CASE WHEN {0}.role = 'assistant' AND {0}.content <> '' AND {0}.state <> 'blocked' "
        f"AND {{0}}.reason <> '{COMMAND}' THEN 1 ELSE 0 END"
    )
    return (
        f"WITH RECURSIVE path (id, parent_id, role, depth, counted, used) AS ("
        f"SELECT m.id, m.parent_id, m.role, 1, {counts.format('m')}, {counts.format('m')} "
        f"FROM chats_message m WHERE m.id = %s AND m.chat_id = %s UNION ALL "
        f"SELECT up.id, up.parent_id, up.role, path.depth + 1, "
        f"CASE WHEN up.role = 'user' THEN path.counted ELSE {counts.format('up')} END, "
        f"path.used + {counts.format('up')} FROM path {_up()} "
        f"WHERE path.depth < %s AND (path.used < %s OR (path.used = %s AND path.role = 'assistant'))) "
        f"SELECT m.role, m.content FROM path {_rows()} "
        f"WHERE path.counted = 1 ORDER BY path.depth DESC",
        [leaf if turns else None, chat_id, 2 * turns + WALK_SLACK, turns, turns],
    )


def _up() -> str:
    if is_postgresql():
        return "CROSS JOIN LATERAL (SELECT * FROM chats_message WHERE id = path.parent_id LIMIT 1) up"
    return "JOIN chats_message up ON up.id = path.parent_id"


def _rows() -> str:
    if is_postgresql():
        return "CROSS JOIN LATERAL (SELECT * FROM chats_message WHERE id = path.id LIMIT 1) m"
    return "JOIN chats_message m ON m.id = path.id"


def count_siblings(chat_id: UUID | None, rows: list[MessageRow]) -> None:
    """Fill in the place of each row among the messages that share its parent; replies need no chat for that."""
    parents = [row.parent for row in rows if row.parent]
    places = _siblings("parent_id", parents) if parents else {}
    if chat_id and any(row.parent is None for row in rows):
        places |= _roots(chat_id)
    for row in rows:
        row.siblings = places.get(row.id, (0, 1))


def _siblings(column: str, parents: list[UUID]) -> dict[UUID, tuple[int, int]]:
    marks = ", ".join(["%s"] * len(parents))
    return _places(f"SELECT id, {column} FROM chats_message WHERE {column} IN ({marks}) ORDER BY number", parents)


def _roots(chat_id: UUID) -> dict[UUID, tuple[int, int]]:
    return _places(
        "SELECT id, chat_id FROM chats_message WHERE chat_id = %s AND parent_id IS NULL ORDER BY number", [chat_id]
    )


def _places(sql: str, params: list[UUID]) -> dict[UUID, tuple[int, int]]:
    groups: dict[Any, list[UUID]] = {}
    for id_, group in _fetch(sql, params):
        groups.setdefault(group, []).append(uuid_of(id_))
    return {id_: (index, len(ids)) for ids in groups.values() for index, id_ in enumerate(ids)}


def _select(sql: str, params: list[Any]) -> list[MessageRow]:
    return [row_of(values) for values in _fetch(sql, params)]


def _fetch(sql: str, params: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
