"""What chats announce and the search answers."""

from typing import Any
from uuid import UUID

from django.dispatch import receiver

from chats.signals import chats_deleting
from search.documents import delete_documents
from search.models import Document


@receiver(chats_deleting)
def forget_documents(*, ids: list[UUID], **_: Any) -> None:
    delete_documents(Document.objects.filter(chat__in=ids))
