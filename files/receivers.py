"""What accounts announce and files answer."""

from typing import Any

from django.dispatch import receiver

from accounts.signals import account_deleting
from files.models import File
from files.sweep import expire


@receiver(account_deleting)
def forget_files(*, user_id: int, **_: Any) -> None:
    """Have all files swept; the apps above have deleted by then what refers to them, or do so in this transaction."""
    expire(File.objects.filter(owner_id=user_id))
