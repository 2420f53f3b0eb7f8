"""What other apps announce and the search answers."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from accounts.signals import account_deleting
from chats.signals import chats_deleting
from common.text_sources import texts_changed
from search.documents import delete_documents
from search.indexing import write_texts
from search.models import Document


@receiver(chats_deleting)
def forget_documents(*, ids: list[UUID], **_: Any) -> None:
    delete_documents(Document.objects.filter(chat__in=ids))


@receiver(account_deleting)
def forget_texts(*, user_id: int, **_: Any) -> None:
    delete_documents(Document.objects.filter(owner_id=user_id, chat=None))


@receiver(texts_changed)
def index_texts(*, kind: str, ids: list[UUID], **_: Any) -> None:
    write_texts(kind, ids)
