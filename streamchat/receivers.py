"""What the apps below announce and streamchat answers."""

from typing import Any

from django.dispatch import receiver

from accounts.signals import access_revoked, account_deleting
from chats.signals import swept
from streamchat.revoking import revoke_later
from streamchat.worker import worker


@receiver(swept)
def sweep_worker(**_: Any) -> None:
    worker().sweep()


@receiver([access_revoked, account_deleting])
def revoke_tokens(*, user_id: int, **_: Any) -> None:
    revoke_later(user_id)
