"""What an open chat page shows, and whether it still does."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import QuerySet

from chats.errors import ChatNotFound
from chats.models import Chat, Folder, Message, State, ToolCall
from chats.rows import MessageRow
from chats.services.chats import newest_below
from chats.services.feedback import feedback_for
from chats.tree import branch
from chats.turns import waiting_for
from chats.turns.events import Waiting

AFTER = 10  # messages after the one that somebody has looked for


@dataclass(frozen=True, slots=True)
class ThreadState:
    """What a page compares to notice that something has changed."""

    head: UUID | None
    head_state: str
    title: str
    model: str
    pinned: bool
    folder: str
    decided: frozenset[str] = frozenset()  # calls that a waiting head need not ask about any more


@dataclass(slots=True)
class Thread:
    """The last messages of the branch shown, the thumbs given to them, whether there are older ones.

    `waiting` is what the last one waits for, if it does.
    """

    rows: list[MessageRow]
    thumbs: dict[UUID, int]
    older: bool
    waiting: Waiting | None = None


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
    found = {row[0]: ThreadState(row[1], row[2] or "", *row[3:]) for row in chats.values_list(*_FIELDS)}
    heads = {state.head: chat_id for chat_id, state in found.items() if state.head_state == State.WAITING}
    for head, calls in _decided(heads).items() if heads else ():
        found[heads[head]] = replace(found[heads[head]], decided=frozenset(calls))
    return found


def _decided(heads: Collection[UUID | None]) -> dict[UUID, set[str]]:
    """Return the calls of waiting replies that have been decided on while others of them are open."""
    decided: dict[UUID, set[str]] = {}
    rows = ToolCall.objects.filter(turn__reply__in=heads, approved__isnull=False)
    for reply, call in rows.values_list("turn__reply", "call"):
        decided.setdefault(reply, set()).add(call)
    return decided


def read_thread(chat_id: UUID, head: UUID | None, size: int) -> Thread:
    """Return the last `size` messages of the branch that ends in `head`."""
    rows = branch(chat_id, head, size) if head else []
    waits = bool(rows) and rows[-1].state == State.WAITING
    waiting = waiting_for(chat_id, rows[-1].id) if waits else None
    return Thread(rows, feedback_for([row.id for row in rows]), bool(rows and rows[0].parent), waiting)


def read_around(chat_id: UUID, message_id: UUID, size: int) -> Thread:
    """Return a message that is not among the last ones of the branch shown, with what comes before and after it.

    Raises MessageNotFound.
    """
    return read_thread(chat_id, newest_below(chat_id, message_id, AFTER), size)


def sibling(chat_id: UUID, message_id: UUID, step: int) -> UUID | None:
    """Return the message that stands `step` places from another among its siblings, or that one itself at the ends."""
    message = Message.objects.filter(pk=message_id, chat_id=chat_id).only("parent_id").first()
    if message is None:
        return None
    same = Message.objects.filter(chat_id=chat_id, parent_id=message.parent_id)
    ids = list(same.order_by("number").values_list("pk", flat=True))
    return ids[min(max(ids.index(message_id) + step, 0), len(ids) - 1)]
