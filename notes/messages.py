"""Messages of chats become notes."""

from uuid import UUID

from chats.errors import MessageNotFound, NothingToSave
from chats.models import Message, State
from chats.rows import MessageRow
from chats.services.chats import require_chat
from chats.tree import read_message
from notes.errors import StillRunning
from notes.models import Source
from notes.services import Saved, save_note


def save_own_message(*, owner_id: int, chat_id: UUID, message_id: UUID) -> Saved:
    """Save a message, whole however long it is; the same message is one note.

    Raises ChatNotFound, MessageNotFound, StillRunning, NothingToSave, and what `save_note` raises.
    """
    require_chat(owner_id, chat_id)  # whose chat it is
    row = read_message(chat_id, message_id)
    if row is None:
        raise MessageNotFound()
    return save_row(owner_id, row)


def save_row(owner_id: int, row: MessageRow) -> Saved:
    """Save a message of the owner's that has been read already."""
    if row.state == State.STREAMING:
        raise StillRunning(retry_after=2)
    if not row.content.strip():
        raise NothingToSave()
    return save_note(owner_id=owner_id, content=row.content, source=Source.MESSAGE, source_message=row.id)


def chat_of(owner_id: int, message_id: UUID) -> UUID | None:
    """Return the chat that a saved message is in, or None where it was deleted."""
    return Message.objects.filter(pk=message_id, chat__owner_id=owner_id).values_list("chat_id", flat=True).first()
