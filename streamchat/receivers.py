"""What the apps below announce and streamchat answers."""

from typing import Any

from accounts.signals import access_revoked, account_deleting
from streamchat.revoking import revoke_later


def connect() -> None:
    for signal in (access_revoked, account_deleting):
        signal.connect(_revoke, dispatch_uid="streamchat")


def _revoke(*, user_id: int, **_: Any) -> None:
    revoke_later(user_id)
