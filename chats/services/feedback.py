"""What users think of replies."""

from uuid import UUID

from chats.errors import MessageNotFound
from chats.models import Feedback, Message, Role
from chats.services.chats import require_chat


def give_feedback(owner_id: int, chat_id: UUID, message_id: UUID, value: int) -> None:
    """Keep a thumb (1 or -1) for a reply; the same thumb again, or 0, takes it back."""
    require_chat(owner_id, chat_id)
    if not Message.objects.filter(pk=message_id, chat_id=chat_id, role=Role.ASSISTANT).exists():
        raise MessageNotFound()
    given = Feedback.objects.filter(message_id=message_id)
    if value == 0 or given.filter(value=value).exists():
        given.delete()
    else:
        Feedback.objects.update_or_create(message_id=message_id, defaults={"chat_id": chat_id, "value": value})


def feedback_for(message_ids: list[UUID]) -> dict[UUID, int]:
    """Return the thumbs that were given to some of the messages."""
    return dict(Feedback.objects.filter(message_id__in=message_ids).values_list("message_id", "value"))
