"""What accounts announce and the OAuth provider answers."""

from typing import Any

from django.dispatch import receiver

from accounts.oauth.models import AppGrant
from accounts.oauth.revocation import end
from accounts.signals import access_revoked, account_deleting


@receiver([access_revoked, account_deleting], dispatch_uid="oauth")
def end_all_of(sender: Any, user_id: int, **_: Any) -> None:
    """End whatever a user has granted, inside the transaction that ends the sessions."""
    end(AppGrant.objects.filter(user=user_id), "access_revoked")
