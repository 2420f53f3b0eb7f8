"""What the apps below announce and streamchat answers."""

from typing import Any

from django.dispatch import receiver

from accounts.signals import access_revoked, account_deleting
from streamchat.revoking import revoke_later


@receiver([access_revoked, account_deleting])
def revoke_tokens(*, user_id: int, **_: Any) -> None:
    revoke_later(user_id)
