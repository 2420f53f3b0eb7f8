"""What the accounts app announces and chats answer."""

from typing import Any

from accounts.signals import account_deleting
from chats.services.chats import delete_all_chats


def connect() -> None:
    account_deleting.connect(_forget, dispatch_uid="chats")


def _forget(*, user_id: int, **_: Any) -> None:
    delete_all_chats(user_id)
