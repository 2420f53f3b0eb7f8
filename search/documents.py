"""Writing documents with their terms: a tsvector on PostgreSQL, a row of FTS5 on SQLite."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, QuerySet

from chats.models import Message
from common.sql import bound, is_postgresql, run_all
from search.models import Document, IndexPosition
from search.terms import MOST_ALIKE, parts_of, terms_of

TITLE = "#title"  # no word has this sign
LAST_ID = 2**63 - 1
TERMS_AT_ONCE = 10_000  # that one statement writes
Row = tuple[Any, ...]
_ID_BITS = 20
_COLUMNS = "id, owner_id, chat_id, message_id, kind, text_id, part, at"
_MARKS = ", ".join(["%s"] * 8)


@dataclass(slots=True)
class NewDocument:
    """A document to be written; `terms` are those of the text, after those of what holds it."""

    owner_id: int
    chat_id: UUID | None
    message_id: UUID | None
    part: int
    at: int
    made: datetime
    terms: list[str]
    kind: str = ""
    text_id: UUID | None = None

    @property
    def holder(self) -> UUID:
        """The id of whatever it is a part of."""
        [id_, *_] = filter(None, (self.text_id, self.message_id, self.chat_id))
        return id_

    @property
    def key(self) -> tuple[UUID | None, int]:
        return self.holder, self.part

    @property
    def wanted_id(self) -> int:
        """The first id of whatever it is a part of, if nothing else has it, and then so many further."""
        return first_id(self.made) + (self.holder.int & ((1 << _ID_BITS) - 1)) + self.part


def first_id(instant: datetime) -> int:
    """Return the smallest id of what was made at an instant or later."""
    return max(-LAST_ID, min(int(instant.timestamp() * 1000) << _ID_BITS, LAST_ID))


def message_documents(owner_id: int, message: Message) -> Iterator[NewDocument]:
    marks = [role_term(message.role), *model_terms(f"{message.provider} {message.model}" if message.model else "")]
    for part, (at, terms) in enumerate(parts_of(message.content)):
        yield NewDocument(owner_id, message.chat_id, message.pk, part, at, message.created_at, [*marks, *terms])


def title_document(owner_id: int, chat_id: UUID, title: str, made: datetime) -> NewDocument:
    return NewDocument(owner_id, chat_id, None, 0, 0, made, [TITLE, *terms_of(title)])


def text_documents(kind: str, row: Mapping[str, Any]) -> Iterator[NewDocument]:
    """Yield the documents of a row of a source: the title alone, and with each part of the text."""
    title = terms_of(row["title"])
    pieces = [(0, [TITLE, *title]), *((at, [*title, *terms]) for at, terms in parts_of(row["text"]))]
    for part, (at, terms) in enumerate(pieces):
        yield NewDocument(row["owner_id"], None, None, part, at, row["created_at"], terms, kind, row["pk"])


def role_term(role: str) -> str:
    return f"#{role}"


def model_terms(name: str) -> list[str]:
    return [f"#model:{term}" for term in terms_of(name)]


def add_documents(documents: Sequence[NewDocument]) -> int:
    """Write those that are not there yet; return how many these were.

    Two that write the same at once do so in the order of ids, so that one waits for the other and then finds it done.
    """
    added = 0
    while missing := _missing(documents):
        added += _insert(_with_free_ids(missing))
    return added


def _missing(documents: Sequence[NewDocument]) -> list[NewDocument]:
    ids = {document.message_id for document in documents if document.message_id}
    chats = {document.chat_id for document in documents if document.chat_id and not document.message_id}
    texts = {document.text_id for document in documents if document.text_id}
    known: set[tuple[UUID | None, int]] = set(
        Document.objects.filter(message__in=ids).values_list("message_id", "part")
    )
    known |= set(Document.objects.filter(chat__in=chats, message=None).values_list("chat_id", "part"))
    known |= set(Document.objects.filter(text_id__in=texts).values_list("text_id", "part"))
    return [document for document in documents if document.key not in known]


def _with_free_ids(documents: Iterable[NewDocument]) -> list[tuple[int, NewDocument]]:
    placed: dict[int, NewDocument] = {}
    rest = [(document.wanted_id, document) for document in documents]
    while rest:
        taken = set(Document.objects.filter(pk__in=[id_ for id_, _ in rest]).values_list("pk", flat=True))
        again = []
        for id_, document in rest:
            if id_ in taken or id_ in placed:
                again.append((id_ + 1, document))
            else:
                placed[id_] = document
        rest = again
    return sorted(placed.items(), key=itemgetter(0))


def _insert(documents: Sequence[tuple[int, NewDocument]]) -> int:
    rows = [
        (id_, one.owner_id, one.chat_id, one.message_id, one.kind, one.text_id, one.part, one.at)
        for id_, one in documents
    ]
    terms = [[f"{one.owner_id}:{term}" for term in one.terms] for _, one in documents]
    with connection.cursor() as cursor:
        if is_postgresql():
            return sum(_insert_tsvectors(cursor, batch) for batch in _batches(rows, terms))
        cursor.executemany(f"INSERT INTO search_document ({_COLUMNS}) VALUES ({_MARKS})", rows)
        cursor.executemany(
            "INSERT INTO search_terms (rowid, terms) VALUES (%s, %s)",
            [(row[0], " ".join(words)) for row, words in zip(rows, terms, strict=True)],
        )
        return len(rows)


def _batches(rows: Sequence[Row], terms: Sequence[list[str]]) -> Iterator[list[Row]]:
    """Yield rows with their tsvectors; the driver lets no other thread run while it puts a statement together."""
    batch: list[Row] = []
    room = TERMS_AT_ONCE
    for row, words in zip(rows, terms, strict=True):
        batch.append((*row, tsvector(words)))
        room -= len(words)
        if room < 0:
            yield batch
            batch, room = [], TERMS_AT_ONCE
    if batch:
        yield batch


def _insert_tsvectors(cursor: Any, batch: Sequence[Row]) -> int:
    rows = bound(cursor, [(f"({_MARKS}, %s::tsvector)", row) for row in batch], ", ")
    cursor.execute(f"INSERT INTO search_document ({_COLUMNS}, terms) VALUES {rows} ON CONFLICT DO NOTHING")
    return int(cursor.rowcount)


def tsvector(terms: Iterable[str]) -> str:
    """Return terms, in order, as PostgreSQL writes them; none has a sign that would be quoted."""
    places: dict[str, list[str]] = {}
    for place, term in enumerate(terms, 1):
        places.setdefault(term, []).append(str(place))
    return " ".join(f"'{term}':{','.join(found[:MOST_ALIKE])}" for term, found in places.items())


def is_written(title: NewDocument) -> bool:
    """Tell whether a title stands there with just these terms; one without words, whether none does."""
    rows = Document.objects.filter(chat_id=title.holder, message=None)
    if title.terms == [TITLE]:
        return not rows.exists()
    words = [f"{title.owner_id}:{term}" for term in title.terms]
    if is_postgresql():
        same, asked = "d.terms = %s::tsvector", tsvector(words)
    else:
        same, asked = "(SELECT t.terms FROM search_terms t WHERE t.rowid = d.id) = %s", " ".join(words)
    statement = f"SELECT 1 FROM search_document d WHERE d.chat_id = %s AND d.message_id IS NULL AND {same}"
    return bool(run_all([(statement, [title.chat_id, asked])])[0])


def delete_documents(rows: "QuerySet[Document]") -> None:
    """Delete documents, and on SQLite leave word that their terms are to leave the file, too (search.erasing)."""
    if rows.delete()[0] and not is_postgresql():
        IndexPosition.objects.update(deletions=F("deletions") + 1)
