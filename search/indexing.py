"""Indexing what the log of changes tells: by the periodic work for all, before a search for its owner.

A message is written once, after its end; a title anew whenever its chat has changed; what other apps hold, with it,
since that is rare and small (common.text_sources). The first two bear repeating, so that a
place in the log may be read twice; none is passed over, since the place moves on in the transaction that has indexed
what was before it.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from chats.errors import CursorExpired
from chats.models import UNFINISHED, Change, Chat, Message
from chats.services.change_log import ChangeRow, Position, first_place, newest_changes, read_all_changes
from common.executor import database
from common.retrying import retry_conflicts
from common.sql import is_postgresql, run_all, uuid_of
from common.text_sources import text_sources
from search.documents import (
    NewDocument,
    add_documents,
    delete_documents,
    is_written,
    message_documents,
    text_documents,
    title_document,
)
from search.models import Document, IndexPosition

logger = logging.getLogger("parley.search")
ONLY = 1  # row of its table
AT_ONCE = 100  # changes that one transaction indexes
READ_AT_ONCE = 50  # of them, whose texts are in memory together
ENOUGH_TERMS = 200_000
OWN = 500  # newest changes of a user that a search indexes first


@dataclass(frozen=True, slots=True)
class Batch:
    """What some changes want indexed: chats whose title may have changed, and messages that have no document yet."""

    chats: set[UUID]
    documents: list[NewDocument]
    next: Position
    more: bool  # waits to be read, by the time that this was


async def index_changes() -> None:
    """Index all that has changed, a hundred changes at a time; stop where another process is at it.

    What comes meanwhile is left for the next time, with more beside it: a few at a time cost as much as a hundred.
    """
    place, more = await database().read(index_place), True
    while more:
        batch = await database().read(read_batch, place)  # terms are made where nobody waits to write
        if batch.next == place or not await database().write(store_batch, place, batch):
            return
        place, more = batch.next, batch.more


def index_place() -> Position:
    """Return up to where the log has been indexed."""
    row = IndexPosition.objects.values_list("xid", "change").first()
    return Position(*row) if row else Position(0, 0)


def read_batch(place: Position) -> Batch:
    """Return what the changes after a place want indexed.

    Without any, the place stays: to write down how far the log has settled would itself move that on, for ever.
    """
    try:
        rows = read_all_changes(place, AT_ONCE).rows
    except CursorExpired:
        logger.error("Changes were forgotten before they were indexed: run `manage.py reindex`.")
        place = first_place()
        rows = read_all_changes(place, AT_ONCE).rows
    return _batch_of(rows, rows[-1].position if rows else place)


def index_newest(owner_id: int) -> None:
    """Index a user's newest changes, settled or not, so that who searches finds what was said a moment ago."""
    place = index_place()
    if rows := newest_changes(owner_id, place, OWN):
        batch = _batch_of(rows, place)
        retry_conflicts(write_titles, batch.chats)
        retry_conflicts(write_messages, batch.documents)


def store_batch(place: Position, batch: Batch) -> bool:
    """Write a batch and move the place on; tell whether it was still there."""
    retry_conflicts(write_titles, batch.chats)
    return retry_conflicts(_store, place, batch)


@transaction.atomic
def _store(place: Position, batch: Batch) -> bool:
    IndexPosition.objects.get_or_create(pk=ONLY)
    here = IndexPosition.objects.filter(pk=ONLY, xid=place.xid, change=place.id)
    if not here.update(xid=batch.next.xid, change=batch.next.id):
        return False
    write_messages(batch.documents)
    return True


def _batch_of(rows: Sequence[ChangeRow], after: Position) -> Batch:
    """Return what some changes want indexed, `after` being the place after all of them."""
    chats, documents = set[UUID](), list[NewDocument]()
    for start in range(0, len(rows), READ_AT_ONCE):
        if sum(len(document.terms) for document in documents) > ENOUGH_TERMS:
            return Batch(chats, documents, rows[start - 1].position, more=True)
        some = rows[start : start + READ_AT_ONCE]
        chats.update(row.chat for row in some if row.chat and row.kind == Change.Kind.CHAT)
        turns = [row for row in some if row.kind == Change.Kind.MESSAGE]
        chats.update(_untitled({row.chat for row in turns if row.chat}))
        documents += documents_of(_unwritten([row.message for row in turns if row.message]))
    return Batch(chats, list({document.key: document for document in documents}.values()), after, len(rows) == AT_ONCE)


def _untitled(chats: Collection[UUID]) -> Iterable[UUID]:
    """Return those of some chats whose title has no document: their first question has just made it."""
    title = Document.objects.filter(chat=OuterRef("pk"), message=None)
    return Chat.objects.filter(~Exists(title), pk__in=chats).exclude(title="").values_list("pk", flat=True)


def _unwritten(replies: Sequence[UUID]) -> "QuerySet[Message]":
    """Return those of some replies, and of the questions to them, that have no documents."""
    questions = Message.objects.filter(pk__in=replies).values_list("parent_id", flat=True)
    ids = {*replies, *filter(None, questions)}
    return Message.objects.filter(~Exists(Document.objects.filter(message=OuterRef("pk"))), pk__in=ids)


def documents_of(messages: "QuerySet[Message]") -> Iterator[NewDocument]:
    """Yield the documents of those messages that have ended and have text."""
    names = ("chat_id", "role", "content", "provider", "model", "created_at")
    ended = messages.exclude(state__in=UNFINISHED).exclude(content="").annotate(owner=F("chat__owner_id"))
    for message in ended.only(*names):
        yield from message_documents(message.owner, message)


@transaction.atomic
def write_titles(chats: Collection[UUID]) -> None:
    """Write titles as they are; who changes one, or writes it here as well, does so before or after."""
    locked = Chat.objects.select_for_update(no_key=True).filter(pk__in=chats).order_by("pk")
    titles = [title_document(*row) for row in locked.values_list("owner_id", "pk", "title", "created_at")]
    changed = [document for document in titles if not is_written(document)]
    if old := Document.objects.filter(chat__in=[document.chat_id for document in changed], message=None):
        delete_documents(old)
    add_documents([document for document in changed if len(document.terms) > 1])


@transaction.atomic
def write_messages(documents: Sequence[NewDocument], *, anew: bool = False) -> None:
    """Write what is not there, or all of it `anew`: who deletes a chat does so before this, or finds what it wrote."""
    kept = _lock_chats({document.chat_id for document in documents if document.chat_id})
    if anew:
        delete_documents(Document.objects.filter(message__in={document.message_id for document in documents}))
    add_documents([document for document in documents if document.chat_id in kept])


@transaction.atomic
def write_texts(kind: str, ids: Collection[UUID]) -> None:
    """Write some texts of a source as they are: those that are gone, not at all."""
    rows = text_sources()[kind].rows().filter(pk__in=ids).select_for_update(no_key=True).order_by("pk")
    documents = [document for row in rows for document in text_documents(kind, row)] if settings.SEARCH else []
    delete_documents(Document.objects.filter(text_id__in=ids))
    add_documents(documents)


def _lock_chats(chats: Collection[UUID]) -> set[UUID]:
    marks = ", ".join(["%s"] * len(chats))
    if not marks:
        return set()
    lock = "FOR KEY SHARE" if is_postgresql() else ""
    [rows] = run_all([(f"SELECT id FROM chats_chat WHERE id IN ({marks}) ORDER BY id {lock}", list(chats))])
    return {uuid_of(id_) for (id_,) in rows}
