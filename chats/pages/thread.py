"""What an open chat page shows, and whether it still does."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from chats.errors import ChatNotFound
from chats.models import Chat, Folder, Message
from chats.rows import MessageRow
from chats.services.feedback import feedback_for
from chats.tree import branch


@dataclass(frozen=True, slots=True)
class ThreadState:
    """What a page compares to notice that something has changed."""

    head: UUID | None
    head_state: str
    title: str
    model: str
    pinned: bool
    folder: str


@dataclass(slots=True)
class Thread:
    """The last messages of the branch shown, the thumbs given to them, and whether there are older ones."""

    rows: list[MessageRow]
    thumbs: dict[UUID, int]
    older: bool


NEW = ThreadState(None, "", "", "", False, Folder.ACTIVE)
_FIELDS = ("pk", "head_id", "head__state", "title", "model", "pinned", "folder")


def states_of(chat_ids: list[UUID]) -> dict[UUID, ThreadState]:
    """Return the states of those of the chats that exist, whoever owns them, in one query."""
    return _states(Chat.objects.filter(pk__in=chat_ids))


def open_state(owner_id: int, chat_id: UUID) -> ThreadState:
    """Return the state of a user's chat; an id that nobody has used yet is a chat to be. Raises ChatNotFound."""
    found = _states(Chat.objects.filter(pk=chat_id, owner_id=owner_id)).get(chat_id)
    if found is None and Chat.objects.filter(pk=chat_id).exists():
        raise ChatNotFound()
    return found or NEW


def _states(chats: "QuerySet[Chat]") -> dict[UUID, ThreadState]:
    return {row[0]: ThreadState(row[1], row[2] or "", *row[3:]) for row in chats.values_list(*_FIELDS)}


def read_thread(chat_id: UUID, head: UUID | None, size: int) -> Thread:
    """Return the last `size` messages of the branch that ends in `head`."""
    rows = branch(chat_id, head, size) if head else []
    return Thread(rows, feedback_for([row.id for row in rows]), bool(rows and rows[0].parent))


def sibling(chat_id: UUID, message_id: UUID, step: int) -> UUID | None:
    """Return the message that stands `step` places from another among its siblings, or that one itself at the ends."""
    message = Message.objects.filter(pk=message_id, chat_id=chat_id).only("parent_id").first()
    if message is None:
        return None
    same = Message.objects.filter(chat_id=chat_id, parent_id=message.parent_id)
    ids = list(same.order_by("number").values_list("pk", flat=True))
    return ids[min(max(ids.index(message_id) + step, 0), len(ids) - 1)]
