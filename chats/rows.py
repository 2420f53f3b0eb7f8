"""A row of a message: its columns, named once. SELECT, INSERT, RETURNING, UPDATE and the reader are made of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from chats.parts import REASONING, TEXT, Part, from_column, joined, length_of, text_of, to_column
from common.sql import Statement, instant, instant_of, uuid_of, uuid_or_none

ASIDE = 10**9  # chunks from here on stand beside a reply, and are no part of it
AT_ONCE, CHARS_AT_ONCE = 100, 2**18  # messages, and their characters, that one statement inserts
_TEXTS = ("content", "reasoning", "parts")
_CHUNKS = {
    "postgresql": "(SELECT json_agg(json_build_array(c.at, c.kind, c.text) ORDER BY c.at) "
    f"FROM chats_chunk c WHERE c.message_id = m.id AND c.at < {ASIDE})",
    "sqlite": "(SELECT json_group_array(json_array(c.at, c.kind, c.text)) "
    f"FROM chats_chunk c WHERE c.message_id = m.id AND c.at < {ASIDE})",
}


def column(
    name: str = "", read: Callable[[Any], Any] | None = None, write: Callable[[Any], Any] | None = None, **default: Any
) -> Any:
    """Make an attribute a column of `chats_message`: its name where it differs, and how its value is converted."""
    return field(metadata={"column": name, "read": read, "write": write}, **default)


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


def _json_text(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


@dataclass(slots=True, kw_only=True)
class MessageRow:
    """A message as it stood at one instant, its chunks joined in. A new column of the table is one line here."""

    id: UUID = column(read=uuid_of)
    number: int = column()
    client_id: str | None = column(default=None)
    parent: UUID | None = column("parent_id", read=uuid_or_none)
    role: str = column()
    state: str = column()
    reason: str = column(default="")
    model: str = column(default="")
    provider: str = column(default="")
    prompt_tokens: int | None = column(default=None)
    completion_tokens: int | None = column(default=None)
    reasoning_seconds: list[float | None] | None = column(default=None, read=_json, write=_json_text)
    fallback: dict[str, str] | None = column(default=None, read=_json, write=_json_text)  # {asked, reason}
    cost: int | None = column(default=None)  # micro-units of the currency; None where there is no price
    created_at: datetime = column(read=instant_of, write=instant)
    parts: list[Part] = field(default_factory=list)
    siblings: tuple[UUID, ...] = ()  # all of them in order, this one too; empty where it is the only one
    retry_after: float | None = None  # an overloaded provider's hint; known right after the run, not stored

    @property
    def content(self) -> str:
        return text_of(self.parts, TEXT)

    @property
    def reasoning(self) -> str:
        return text_of(self.parts, REASONING)

    @property
    def length(self) -> int:
        """Stored length in code points over all parts."""
        return length_of(self.parts)


_FIELDS = [each for each in fields(MessageRow) if each.metadata]
_NAMES = [each.name for each in _FIELDS]
COLUMNS = [each.metadata["column"] or each.name for each in _FIELDS]
_READ = [(each.name, each.metadata["read"]) for each in _FIELDS]
_WRITE = [(each.name, each.metadata["write"]) for each in _FIELDS]
_SELECTED = ", ".join(f"m.{name}" for name in (*COLUMNS, *_TEXTS))
# What an UPDATE gives back of a message whose text is at hand: `row_of` reads it as empty.
_RETURNED = ", ".join(COLUMNS) + ", '', '', NULL, NULL"
_INSERTED = ", ".join((*COLUMNS, *_TEXTS, "chat_id"))


def columns() -> str:
    """Return the select list that `row_of` reads; the message's alias is `m`."""
    return f"{_SELECTED}, CASE WHEN m.state = 'streaming' THEN {_CHUNKS[connection.vendor]} END"


def row_of(values: Sequence[Any]) -> MessageRow:
    """Make a row of what `columns` selected."""
    content, reasoning, parts, chunks = values[-4:]
    found = {name: read(value) if read else value for (name, read), value in zip(_READ, values, strict=False)}
    return MessageRow(**found, parts=_parts_of(content, reasoning, _json(parts), _json(chunks)))


def insert(chat_id: UUID, rows: Sequence[MessageRow]) -> list[Statement]:
    """Return the statements that insert new messages of a chat."""
    row_marks = f"({', '.join(['%s'] * (len(COLUMNS) + 4))})"
    return [
        (
            f"INSERT INTO chats_message ({_INSERTED}) VALUES {', '.join([row_marks] * len(batch))}",
            [value for row in batch for value in (*_written(row), *_texts(row.parts), chat_id)],
        )
        for batch in _batches(rows)
    ]


def _batches(rows: Sequence[MessageRow]) -> list[list[MessageRow]]:
    batches, room = [list[MessageRow]()], CHARS_AT_ONCE
    for row in rows:
        room -= row.length
        if batches[-1] and (room < 0 or len(batches[-1]) == AT_ONCE):
            batches.append([])
            room = CHARS_AT_ONCE - row.length
        batches[-1].append(row)
    return batches


def update(values: Any, parts: Sequence[Part], condition: str, params: Sequence[Any]) -> Statement:
    """Return the statement that sets the columns that `values` has attributes for, empty ones aside, and the text."""
    given = [(name, getattr(values, attribute, None)) for attribute, name in zip(_NAMES, COLUMNS, strict=True)]
    changed = [(name, _json_text(value) if isinstance(value, list | dict) else value) for name, value in given
               if value not in (None, "")]  # fmt: skip
    names = [*(name for name, _ in changed), *_TEXTS]
    return (
        f"UPDATE chats_message SET {', '.join(f'{name} = %s' for name in names)} WHERE {condition} "
        f"RETURNING {_RETURNED}",
        [*(value for _, value in changed), *_texts(parts), *params],
    )


def _written(row: MessageRow) -> list[Any]:
    return [write(getattr(row, name)) if write else getattr(row, name) for name, write in _WRITE]


def _texts(parts: Sequence[Part]) -> tuple[str, str, str | None]:
    return text_of(parts, TEXT), text_of(parts, REASONING), _json_text(to_column(parts))


def _parts_of(content: str, reasoning: str, parts: Any, chunks: list[tuple[int, str, str]] | None) -> list[Part]:
    stored = from_column(content, reasoning, parts)
    return joined([*stored, *[(kind, text) for _, kind, text in sorted(chunks)]]) if chunks else stored
