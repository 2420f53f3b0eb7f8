"""Writing the log of changes: each row belongs to the transaction that changes what it tells.

Whatever an API client can see of chats and messages is changed together with one of these; a test walks the doors.
"""

from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chats.models import Change
from chats.signals import changes_committed
from common.sql import Statement, instant, run_all

_INSERT_FILE = "INSERT INTO chats_change (user_id, kind, file, at) VALUES (%s, %s, %s, %s)"
_INSERT = "INSERT INTO chats_change (user_id, kind, chat, message, at) "


def change_entry(user_id: int, kind: Change.Kind, chat_id: UUID, message_id: UUID | None = None) -> Statement:
    """Return the statement that logs a change; `announce` it, too."""
    at = instant(timezone.now())
    return f"{_INSERT} VALUES (%s, %s, %s, %s, %s)", [user_id, kind.value, chat_id, message_id, at]


def reply_end_entry(turn_id: int) -> Statement:
    """Return the statement that logs the end of a turn's reply and returns whose it is, for `announce`."""
    return (
        f"{_INSERT} SELECT user_id, %s, chat_id, reply_id, %s FROM chats_turn WHERE id = %s RETURNING user_id",
        [Change.Kind.MESSAGE.value, instant(timezone.now()), turn_id],
    )


def announce(user_id: int) -> None:
    """Wake those of this process who wait for the user's changes, once the running transaction is committed."""
    transaction.on_commit(partial(changes_committed.send, Change, user_id=user_id))


def log_change(user_id: int, kind: Change.Kind, chat_id: UUID, message_id: UUID | None = None) -> None:
    """Log and announce a change inside the caller's transaction."""
    run_all([change_entry(user_id, kind, chat_id, message_id)])
    announce(user_id)


def log_file_change(user_id: int, file_id: UUID) -> None:
    """Do the same for a file."""
    run_all([(_INSERT_FILE, [user_id, Change.Kind.FILE.value, file_id, instant(timezone.now())])])
    announce(user_id)
