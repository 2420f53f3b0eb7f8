"""The end of an account, with everything that belongs to it."""

from functools import partial

from django.db import IntegrityError, transaction

from accounts.errors import SessionEnded
from accounts.models import User
from accounts.security.network import ClientInfo
from accounts.services.avatar_files import remove_avatar_file
from accounts.services.credentials import require_password
from accounts.signals import account_deleting
from common.errors import Unavailable
from common.retrying import retry_conflicts
from common.tasks import Actor

ATTEMPTS = 3


def delete_own_account(user: User, password: str, client: ClientInfo) -> None:
    """Delete an account for its owner, who gives the password again."""
    require_password(user, password, client, "password")
    delete_account(user.pk, asked_by=user.actor)


def delete_account(user_id: int, asked_by: Actor | None = None) -> None:
    """Delete an account: first what the apps above hold of it, in their own order of locks, then its own rows.

    A chat that is started in between makes the commit fail on its foreign key; then all is done once more. Raises
    SessionEnded where whoever asked must not any more.
    """
    for _ in range(ATTEMPTS):
        try:
            retry_conflicts(_delete, user_id, asked_by)
            return
        except IntegrityError:
            continue
    raise Unavailable(retry_after=1)


@transaction.atomic
def _delete(user_id: int, asked_by: Actor | None) -> None:
    if asked_by is not None and User.objects.locked(asked_by) is None:
        raise SessionEnded()
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        return
    account_deleting.send(User, user_id=user_id)
    if avatar := user.profile.avatar:
        transaction.on_commit(partial(remove_avatar_file, avatar))
    user.delete()
