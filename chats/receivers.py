"""What the accounts app announces and chats answer."""

from typing import Any

from django.dispatch import receiver

from accounts.signals import account_deleting
from chats.services.chats import delete_all_chats


@receiver(account_deleting)
def forget_chats(*, user_id: int, **_: Any) -> None:
    delete_all_chats(user_id)
