"""Indexing from the chats themselves, whatever the log of changes says or has forgotten."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from chats.models import Chat, Message
from common.retrying import retry_conflicts
from common.sql import run_all, uuid_of
from common.text_sources import text_sources
from search.documents import delete_documents
from search.indexing import documents_of, write_messages, write_texts, write_titles
from search.models import Document

AT_ONCE = 50  # chats, messages or documents that one transaction writes


def reindex() -> Iterator[int]:
    """Write all documents anew; yield how many titles, messages and other texts are done so far.

    Nothing is missing meanwhile: the documents of each few messages are replaced in one transaction.
    """
    count = 0
    for chats in _in_pieces(Chat.objects.all()):
        retry_conflicts(write_titles, chats)
        yield (count := count + len(chats))
    for messages in _messages_in_pieces():
        documents = list(documents_of(Message.objects.filter(pk__in=messages)))
        retry_conflicts(write_messages, documents, anew=True)
        yield (count := count + len(messages))
    for source in text_sources().values():
        for texts in _in_pieces(source.rows()):
            retry_conflicts(write_texts, source.kind, texts)
            yield (count := count + len(texts))


def clear_index() -> int:
    """Delete all documents; return how many there were."""
    count = 0
    for ids in _in_pieces(Document.objects.all()):
        delete_documents(Document.objects.filter(pk__in=ids))
        count += len(ids)
    return count


def _in_pieces(rows: "QuerySet[Any, Any]") -> Iterator[list[Any]]:
    """Yield the keys of some rows, a few at a time."""
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    while keys:
        yield keys
        keys = list(rows.filter(pk__gt=keys[-1]).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])


def _messages_in_pieces() -> Iterator[list[UUID]]:
    """Yield the ids of all messages, a few at a time: chat by chat, which is how they lie on the disk."""
    chat, number = UUID(int=0), 0
    statement = (
        "SELECT id, chat_id, number FROM chats_message WHERE (chat_id, number) > (%s, %s) "
        "ORDER BY chat_id, number LIMIT %s"
    )
    while rows := run_all([(statement, [chat, number, AT_ONCE])])[0]:
        yield [uuid_of(id_) for id_, *_ in rows]
        _, last, number = rows[-1]
        chat = uuid_of(last)
