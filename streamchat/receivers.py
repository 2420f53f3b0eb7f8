"""What the apps below announce and streamchat answers."""

from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from accounts.signals import access_revoked, account_deleting
from streamchat.identity import is_configured
from streamchat.tasks import revoke_tokens


@receiver([access_revoked, account_deleting])
def end_tokens(*, user_id: int, **_: Any) -> None:
    """Have Stream refuse the user's tokens, too, once the transaction is committed."""
    if is_configured():
        revoke_tokens.enqueue(user_id, timezone.now().isoformat())
