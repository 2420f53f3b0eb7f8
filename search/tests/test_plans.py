"""Each statement of a search goes by the index that is meant for it, and by nobody else's rows."""

from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from common.sql import is_postgresql
from search.documents import NewDocument, add_documents
from search.matching import RECENT, find_documents
from search.queries import parse_query
from search.tests.helpers import START, new_chat, new_user

pytestmark = pytest.mark.django_db


def plans(owner_id: int, q: str) -> list[str]:
    """Return the plans of the statements that a search makes."""
    found: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "EXPLAIN" not in sql:
            first = "WITH" if "WITH" in sql else "SELECT"  # after what is set for it
            how = "EXPLAIN" if is_postgresql() else "EXPLAIN QUERY PLAN"
            with connection.cursor() as cursor:
                cursor.execute(sql.replace(first, f"{how} {first}", 1), params)
                while cursor.description is None:
                    cursor.nextset()
                found.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
        return execute(sql, params, many, context)

    query = parse_query(q, ZoneInfo("UTC"))
    with connection.execute_wrapper(explain):
        find_documents(owner_id, query, query.end, 20)
    return found


@pytest.mark.parametrize("q", ['"a phrase" role:user', "word is:pinned"])
def test_statements_go_by_their_indexes(q: str) -> None:
    """Among so many documents without the words that PostgreSQL takes both steps."""
    owner, other = new_user(), new_user()
    for one in (owner, other):
        chat = new_chat(one).pk
        add_documents([NewDocument(one.pk, chat, uuid4(), 0, 0, START, ["much"]) for _ in range(RECENT + 1)])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off" if is_postgresql() else "ANALYZE")

    found = plans(owner.pk, q)

    if is_postgresql():
        recent, indexed = found
        assert "Index Scan Backward using document_by_owner on search_document" in recent
        assert "search_document_pkey" not in recent
        assert "Bitmap Index Scan on search_terms" in indexed
    else:
        [plan] = found
        first, second, *_, last = plan.splitlines()
        assert first.startswith("SCAN t VIRTUAL TABLE INDEX"), "no sorting behind it"
        assert second.startswith("SEARCH d USING INTEGER PRIMARY KEY")
        assert last.strip().startswith("SEARCH c USING INDEX")
