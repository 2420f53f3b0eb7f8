"""Reading pages of a branch."""

from uuid import UUID

from accounts.access import Claims, load_viewer
from chats.errors import MessageNotFound
from chats.rows import MessageRow
from chats.services.chats import newest_below, require_chat
from chats.tree import branch

WHOLE = 2**31 - 1


def read_page(
    claims: Claims, chat_id: UUID, through: UUID | None, before: UUID | None, size: int
) -> tuple[list[MessageRow], UUID | None]:
    """Return up to `size` messages of a branch, oldest first, and the id to go on from for older ones."""
    head = require_chat(load_viewer(claims).id, chat_id)
    leaf = before or (newest_below(chat_id, through) if through else head)
    rows = branch(chat_id, leaf, size) if leaf else []
    if before and not rows:
        raise MessageNotFound()
    return rows, rows[0].parent if rows else None


def read_whole_branch(owner_id: int, chat_id: UUID) -> list[MessageRow]:
    """Return every message of the branch shown, oldest first."""
    head = require_chat(owner_id, chat_id)
    return branch(chat_id, head, WHOLE) if head else []
