"""Finding documents. What others have written plays no part in how long it takes, since every term has its owner.

On PostgreSQL the planner is kept from guessing, which it does badly for words: first the newest thousand documents are
looked at, which is enough for common ones; only then all that have the words, by the index (docs/performance.md). Each
step is fenced by MATERIALIZED, and nothing is asked inside of it that could send the planner another way.
"""

from typing import Any, NamedTuple
from uuid import UUID

from chats.models import Folder
from chats.services.chats import LISTED
from common.sql import is_postgresql, run_all, uuid_of, uuid_or_none
from search.queries import Clause, Query

RECENT = 1000  # documents that the first step looks at
FREQUENT = 4  # it is taken again as long as each time fills a fourth of the page, as phrases of common words do
_FOUND = "d.id, d.chat_id, d.message_id, d.part"


class Hit(NamedTuple):
    """A document that was found."""

    id: int
    chat: UUID
    message: UUID | None
    part: int

    @property
    def rest(self) -> int:
        """The id before which no other part of the same message is."""
        return self.id - self.part


def find_documents(owner_id: int, query: Query, end: int, most: int) -> list[Hit]:
    """Return the newest documents before an id that a query is for, in chats that lists show."""
    if not is_postgresql():
        return _hits(_in_sqlite(owner_id, query, end, most))
    found: list[Hit] = []
    while True:
        some, looked_at, last = _among_recent(owner_id, query, end, most - len(found))
        found += some
        if len(found) == most or looked_at < RECENT or last <= query.first:
            return found
        end = last
        if len(some) * FREQUENT < most:
            return found + _by_index(owner_id, query, end, most - len(found))


def _among_recent(owner_id: int, query: Query, end: int, most: int) -> tuple[list[Hit], int, int]:
    """Return hits among the newest, how many were looked at, and which was the last."""
    matches = "d.terms @@ %s::tsquery" if query.clauses else "true"
    statement = (
        # Pairs are in the order of one index alone. Told an owner, the planner may walk through everybody's by id.
        "WITH recent AS MATERIALIZED (SELECT * FROM search_document d WHERE (d.owner_id, d.id) < (%s, %s) "
        "AND (d.owner_id, d.id) >= (%s, %s) ORDER BY d.owner_id DESC, d.id DESC LIMIT %s), "
        f"hit AS (SELECT {_FOUND} FROM recent d JOIN chats_chat c ON c.id = d.chat_id "
        f"WHERE {matches} AND {_shown(query)} ORDER BY d.id DESC LIMIT %s) "
        "SELECT hit.*, looked.* FROM (SELECT count(*), min(id) FROM recent) looked LEFT JOIN hit ON true "
        "ORDER BY hit.id DESC",
        [owner_id, end, owner_id, query.first, RECENT, *_asked(owner_id, query), most],
    )
    # Where it knows too little of an owner, as after an import, it would read and sort all of theirs.
    [_, rows, _] = run_all(
        [("SET LOCAL enable_bitmapscan = off", []), statement, ("SET LOCAL enable_bitmapscan = on", [])]
    )
    looked_at, last = rows[0][4:]
    return _hits([row for row in rows if row[0] is not None]), looked_at, last


def _by_index(owner_id: int, query: Query, end: int, most: int) -> list[Hit]:
    if query.clauses:
        candidates = f"SELECT {_FOUND} FROM search_document d WHERE d.terms @@ %s::tsquery"
    else:
        candidates = f"SELECT {_FOUND} FROM search_document d WHERE d.owner_id = %s"
    statement = (
        f"WITH hit AS MATERIALIZED ({candidates}) "
        f"SELECT {_FOUND} FROM hit d JOIN chats_chat c ON c.id = d.chat_id AND c.owner_id = %s "
        f"WHERE d.id < %s AND d.id >= %s AND {_shown(query)} ORDER BY d.id DESC LIMIT %s",
        [*(_asked(owner_id, query) or [owner_id]), owner_id, end, query.first, most],
    )
    return _hits(run_all([statement])[0])


def _in_sqlite(owner_id: int, query: Query, end: int, most: int) -> list[Any]:
    """CROSS JOIN keeps the order of the joins; FTS5 gives its rows in the order of ids, either way."""
    if query.clauses:
        source, matches = "search_terms t CROSS JOIN search_document d ON d.id = t.rowid", "t.terms MATCH %s"
        key, asked = "t.rowid", _asked(owner_id, query)
    else:
        source, matches, key, asked = "search_document d", "d.owner_id = %s", "d.id", [owner_id]
    statement = (
        f"SELECT {_FOUND} FROM {source} CROSS JOIN chats_chat c ON c.id = d.chat_id "
        f"WHERE {matches} AND {key} < %s AND {key} >= %s AND c.owner_id = %s AND {_shown(query)} "
        f"ORDER BY {key} DESC LIMIT %s",
        [*asked, end, query.first, owner_id, most],
    )
    return run_all([statement])[0]


def _shown(query: Query) -> str:
    folders = [Folder.ARCHIVED] if query.archived else LISTED
    names = ", ".join(f"'{folder.value}'" for folder in folders)
    return f"c.folder IN ({names})" + (" AND c.pinned" if query.pinned else "")


def _asked(owner_id: int, query: Query) -> list[Any]:
    """Return the parameter of a match, if there is one."""
    write, both = (_tsquery, " & ") if is_postgresql() else (_fts5_query, " AND ")
    return [both.join(write(owner_id, clause) for clause in query.clauses)] if query.clauses else []


def _tsquery(owner_id: int, clause: Clause) -> str:
    words = " <-> ".join(f"'{owner_id}:{term}'" for term in clause.terms)
    return f"({words}:*)" if clause.is_prefix else f"({words})"


def _fts5_query(owner_id: int, clause: Clause) -> str:
    words = " ".join(f"{owner_id}:{term}" for term in clause.terms)
    return f'"{words}"*' if clause.is_prefix else f'"{words}"'


def _hits(rows: list[Any]) -> list[Hit]:
    return [
        Hit(id_, uuid_of(chat), uuid_or_none(message), part) for id_, chat, message, part in (row[:4] for row in rows)
    ]
