"""What the apps below announce and streamchat answers."""

from typing import Any

from accounts.signals import access_revoked, account_deleting
from chats.signals import swept
from streamchat.revoking import revoke_later
from streamchat.worker import worker


def connect() -> None:
    swept.connect(_sweep, dispatch_uid="streamchat")
    for signal in (access_revoked, account_deleting):
        signal.connect(_revoke, dispatch_uid="streamchat")


def _sweep(**_: Any) -> None:
    worker().sweep()


def _revoke(*, user_id: int, **_: Any) -> None:
    revoke_later(user_id)
