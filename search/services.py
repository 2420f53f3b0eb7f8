"""Searching in all that somebody has said and was answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import CharField, F, Value
from django.db.models.functions import Coalesce, Substr

from common.text_sources import text_sources
from search.indexing import index_newest
from search.matching import Hit, find_documents
from search.models import Document
from search.queries import Clause, Query
from search.snippets import LOOKED_AT, SnippetPart, snippet_of

TITLE, MESSAGE = "title", "message"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found: a message, a chat by its title, or a text of another app, which is in no chat."""

    kind: str  # TITLE, MESSAGE, or that of the source
    id: UUID  # of the message, chat or text
    chat: UUID | None
    title: str
    role: str | None
    created_at: datetime
    snippet: list[SnippetPart]


@dataclass(frozen=True, slots=True)
class ResultsPage:
    """Some results, newest first, and the `end` that leads to older ones; None where there are none."""

    results: list[SearchResult]
    next: int | None


def search(owner_id: int, query: Query, size: int) -> ResultsPage:
    """Return what a user's query finds, all that was said until this moment included."""
    index_newest(owner_id)
    hits = _find(owner_id, query, size + 1)
    more = len(hits) > size
    results = _results_of(hits[:size], query)
    return ResultsPage(results, hits[size - 1].rest if more else None)


def _find(owner_id: int, query: Query, most: int) -> list[Hit]:
    """Return hits in different messages: of a long one the last part that has what is searched for."""
    hits: list[Hit] = []
    end = query.end
    while len(hits) < most:
        found = find_documents(owner_id, query, end, most)
        for hit in found:
            if hit.id < end:
                hits.append(hit)
                end = hit.rest
        if len(found) < most:
            break
    return hits[:most]


def _results_of(hits: list[Hit], query: Query) -> list[SearchResult]:
    """Return the results that are still there, in the order of the hits."""
    clauses = tuple(query.clauses)
    rows = {row["pk"]: row for row in _rows([hit.id for hit in hits])}
    _fill_in_texts([row for row in rows.values() if row["kind"]])
    found = [rows[hit.id] for hit in hits if hit.id in rows and rows[hit.id]["created"]]
    return [_result_of(row, clauses) for row in found]


def _rows(ids: list[int]) -> Any:
    text = Substr("message__content", F("at") + 1, LOOKED_AT)
    return Document.objects.filter(pk__in=ids).values(
        "pk", "chat_id", "message_id", "kind", "text_id", "part", "at",
        title=F("chat__title"),
        role=F("message__role"),
        created=Coalesce("message__created_at", "chat__created_at"),
        text=Coalesce(text, "chat__title", Value(""), output_field=CharField()),
    )  # fmt: skip


def _fill_in_texts(rows: list[dict[str, Any]]) -> None:
    """Put what sources hold into the rows of documents that are theirs; the first part is the title alone."""
    for source in text_sources().values():
        own = [row for row in rows if row["kind"] == source.kind]
        held = {text["pk"]: text for text in source.rows().filter(pk__in=[row["text_id"] for row in own])}
        for row in own:
            if text := held.get(row["text_id"]):
                row["title"], row["created"] = text["title"], text["created_at"]
                row["text"] = text["text"][row["at"] :][:LOOKED_AT] if row["part"] else text["title"]


def _result_of(row: dict[str, Any], clauses: tuple[Clause, ...]) -> SearchResult:
    return SearchResult(
        kind=row["kind"] or (MESSAGE if row["message_id"] else TITLE),
        id=row["text_id"] or row["message_id"] or row["chat_id"],
        chat=row["chat_id"],
        title=row["title"],
        role=row["role"],
        created_at=row["created"],
        snippet=snippet_of(row["text"], clauses),
    )
