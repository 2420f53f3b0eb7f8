"""What the apps below announce and notes answer."""

import re
from typing import Any

from django.conf import settings
from django.dispatch import receiver

from accounts.signals import account_deleting
from chats.rows import MessageRow
from chats.signals import reply_saving
from notes.messages import save_row
from notes.services import delete_all_notes

_MARKS = re.compile(r"([\\`*_\[\]<>&])")


@receiver(account_deleting)
def forget_notes(*, user_id: int, **_: Any) -> None:
    delete_all_notes(user_id)


@receiver(reply_saving)
def save_reply(*, owner_id: int, reply: MessageRow, **_: Any) -> str:
    note, made = save_row(owner_id, reply)
    words = "Saved to your notes" if made else "This is in your notes already"
    title = _MARKS.sub(r"\\\1", note.title)
    return f"{words}: [{title}]({settings.SITE_URL}/notes/{note.pk}/)"
