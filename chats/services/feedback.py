"""What users think of replies."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from chats.changes import log_change
from chats.errors import MessageNotFound
from chats.models import Change, Feedback, Message, Role
from chats.services.chats import require_chat
from common.errors import NotFound


def put_feedback(
    owner_id: int, chat_id: UUID, message_id: UUID, value: int, reasons: Sequence[str] = (), comment: str = ""
) -> Feedback:
    """Keep a thumb (1 or -1) for a reply, with reasons; it takes the place of an earlier one, unless it is the same."""
    said = {"chat_id": chat_id, "value": value, "reasons": list(reasons), "comment": comment}
    if same := _of_reply(owner_id, chat_id, message_id).filter(**said).first():
        return same
    with transaction.atomic():
        kept = Feedback.objects.update_or_create(message_id=message_id, defaults=said)[0]
        log_change(owner_id, Change.Kind.FEEDBACK, chat_id, message_id)
    return kept


def get_feedback(owner_id: int, chat_id: UUID, message_id: UUID) -> Feedback:
    """Return what was said of a reply; raise NotFound where nothing was."""
    found = find_feedback(owner_id, chat_id, message_id)
    if found is None:
        raise NotFound()
    return found


def find_feedback(owner_id: int, chat_id: UUID, message_id: UUID) -> Feedback | None:
    """Return what was said of a reply, if anything was."""
    return _of_reply(owner_id, chat_id, message_id).first()


def remove_feedback(owner_id: int, chat_id: UUID, message_id: UUID) -> None:
    """Take it back, if there is any."""
    with transaction.atomic():
        if _of_reply(owner_id, chat_id, message_id).delete()[0]:
            log_change(owner_id, Change.Kind.FEEDBACK, chat_id, message_id)


def press_thumb(owner_id: int, chat_id: UUID, message_id: UUID, value: int) -> None:
    """Keep a thumb, as a button does it: the same one again takes it back."""
    if _of_reply(owner_id, chat_id, message_id).filter(value=value).exists():
        remove_feedback(owner_id, chat_id, message_id)
    else:
        put_feedback(owner_id, chat_id, message_id, value)


def _of_reply(owner_id: int, chat_id: UUID, message_id: UUID) -> "QuerySet[Feedback]":
    """Return the feedback of a reply in a user's chat; raise what says that there is no such reply."""
    require_chat(owner_id, chat_id)
    if not Message.objects.filter(pk=message_id, chat_id=chat_id, role=Role.ASSISTANT).exists():
        raise MessageNotFound()
    return Feedback.objects.filter(message_id=message_id)


def feedback_for(message_ids: list[UUID]) -> dict[UUID, int]:
    """Return the thumbs that were given to some of the messages."""
    return dict(Feedback.objects.filter(message_id__in=message_ids).values_list("message_id", "value"))
