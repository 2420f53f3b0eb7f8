"""Finding documents. What others have written plays no part in how long it takes, since every term has its owner.

On PostgreSQL the planner is kept from guessing, which it does badly for words: first the newest thousand documents are
looked at, which is enough for common ones; only then all that have the words, by the index (docs/performance.md). Each
step is fenced, and nothing is asked inside of a fence that could send the planner another way.
"""

from typing import Any, NamedTuple

from chats.models import Folder
from chats.services.chats import LISTED
from common.sql import Statement, is_postgresql, run_all
from search.queries import Clause, Query

RECENT = 1000  # documents that the first step looks at
FREQUENT = 4  # it is taken again as long as each time fills a fourth of the page, as phrases of common words do


class Hit(NamedTuple):
    """A document that was found."""

    id: int
    part: int

    @property
    def rest(self) -> int:
        """The id before which no other part of the same message is."""
        return self.id - self.part


def find_documents(owner_id: int, query: Query, end: int, most: int) -> list[Hit]:
    """Return the newest documents before an id that a query is for, but for those in chats that lists do not show."""
    if not is_postgresql():
        return _in_sqlite(owner_id, query, end, most)
    found: list[Hit] = []
    while True:
        some, last = _among_recent(owner_id, query, end, most - len(found))
        found += some
        if len(found) == most or last is None:
            return found
        end = last
        if len(some) * FREQUENT < most:
            return found + _by_index(owner_id, query, end, most - len(found))


def _among_recent(owner_id: int, query: Query, end: int, most: int) -> tuple[list[Hit], int | None]:
    """Return hits among the newest, and the last that was looked at; None where there are no more."""
    matches = "d.terms @@ %s::tsquery" if query.clauses else "true"
    # Pairs are in the order of one index alone. Told an owner, the planner may walk through everybody's by id.
    order = "ORDER BY d.owner_id DESC, d.id DESC"
    own = f"search_document d WHERE (d.owner_id, d.id) < (%s, %s) AND (d.owner_id, d.id) >= (%s, %s) {order}"
    limits = [owner_id, end, owner_id, query.first]
    statement = (
        # The subquery is read no further than until the page is full.
        f"WITH hit AS (SELECT d.id, d.part FROM (SELECT * FROM {own} LIMIT %s) d "
        f"WHERE {matches} AND {_shown(owner_id, query)} {order} LIMIT %s) "
        f"SELECT hit.*, looked.last FROM (SELECT (SELECT d.id FROM {own} OFFSET %s LIMIT 1) AS last) looked "
        "LEFT JOIN hit ON true ORDER BY hit.id DESC",
        [*limits, RECENT, *_asked(owner_id, query), most, *limits, RECENT - 1],
    )
    # Where it knows too little of an owner, as after an import, the planner would read and sort all of theirs.
    [_, rows, _] = run_all(
        [("SET LOCAL enable_bitmapscan = off", []), statement, ("SET LOCAL enable_bitmapscan = on", [])]
    )
    return [Hit(id_, part) for id_, part, _ in rows if id_ is not None], rows[0][2]


def _by_index(owner_id: int, query: Query, end: int, most: int) -> list[Hit]:
    """Find all that have the words by the index, then look at them newest first, until the page is full.

    Whether words follow each other is not in the index, and to look at thousands for that is what takes long.
    """
    strict, loose = _asked(owner_id, query), _asked(owner_id, query, loose=True)
    matches = "d.terms @@ %s::tsquery" if query.clauses else "true"
    candidates = matches if query.clauses else f"d.owner_id = {owner_id:d}"
    shown, few = _shown(owner_id, query), query.pinned or query.archived
    statement = (  # OFFSET 0 is a fence, too, but one that keeps nothing
        "SELECT h.id, h.part FROM (SELECT d.id, d.part FROM "
        f"(SELECT d.id, d.part, d.chat_id FROM search_document d WHERE {candidates} OFFSET 0) d "
        f"WHERE d.id < %s AND d.id >= %s AND {shown if few else 'true'} ORDER BY d.id DESC OFFSET 0) h "
        f"WHERE (SELECT {matches} AND {'true' if few else shown} FROM search_document d WHERE d.id = h.id) "
        "ORDER BY h.id DESC LIMIT %s",
        [*loose, end, query.first, *strict, most],
    )
    return _hits(statement)


def _in_sqlite(owner_id: int, query: Query, end: int, most: int) -> list[Hit]:
    """CROSS JOIN keeps the order of the join; FTS5 gives its rows in the order of ids, either way."""
    if query.clauses:
        source, matches = "search_terms t CROSS JOIN search_document d ON d.id = t.rowid", "t.terms MATCH %s"
        key, asked = "t.rowid", _asked(owner_id, query)
    else:
        source, matches, key, asked = "search_document d", "d.owner_id = %s", "d.id", [owner_id]
    statement = (
        f"SELECT d.id, d.part FROM {source} WHERE {matches} AND {key} < %s AND {key} >= %s "
        f"AND {_shown(owner_id, query)} ORDER BY {key} DESC LIMIT %s",
        [*asked, end, query.first, most],
    )
    return _hits(statement)


def _shown(owner_id: int, query: Query) -> str:
    """Return the condition that a document is in a chat that is shown, or in none; a number is put in as it is."""
    folders = ", ".join(f"'{folder.value}'" for folder in ([Folder.ARCHIVED] if query.archived else LISTED))
    if not (query.archived or query.pinned):  # almost all are: each is looked up until the page is full
        return f"coalesce((SELECT c.folder IN ({folders}) FROM chats_chat c WHERE c.id = d.chat_id), true)"
    pinned = "AND c.pinned" if query.pinned else ""
    # The plus keeps SQLite from beginning with the chats.
    return (
        f"{'' if is_postgresql() else '+'}d.chat_id IN "
        f"(SELECT c.id FROM chats_chat c WHERE c.owner_id = {owner_id:d} AND c.folder IN ({folders}) {pinned})"
    )


def _asked(owner_id: int, query: Query, *, loose: bool = False) -> list[Any]:
    """Return the parameter of a match, if there is one; a loose one does not ask that words follow each other."""
    if not query.clauses:
        return []
    if is_postgresql():
        return [" & ".join(_tsquery(owner_id, clause, "&" if loose else "<->") for clause in query.clauses)]
    return [" AND ".join(_fts5_query(owner_id, clause) for clause in query.clauses)]


def _tsquery(owner_id: int, clause: Clause, operator: str) -> str:
    words = f" {operator} ".join(f"'{owner_id}:{term}'" for term in clause.terms)
    return f"({words}:*)" if clause.is_prefix else f"({words})"


def _fts5_query(owner_id: int, clause: Clause) -> str:
    words = " ".join(f"{owner_id}:{term}" for term in clause.terms)
    return f'"{words}"*' if clause.is_prefix else f'"{words}"'


def _hits(statement: Statement) -> list[Hit]:
    return [Hit(*row) for row in run_all([statement])[0]]
