"""Passwords: forgotten, and changed. Both end every session that was opened before."""

from functools import partial

from django.db import transaction

from accounts.errors import InvalidCredentials
from accounts.mail.jobs import mail_password_changed, mail_reset
from accounts.mail.worker import enqueue
from accounts.models import User
from accounts.security.network import ClientInfo
from accounts.security.rate_limits import count_mail_request
from accounts.services.credentials import require_good_password, require_password
from accounts.services.mail_tokens import Purpose, look_at, use, void_all


def request_reset(email: str, client: ClientInfo) -> None:
    """Have a reset link mailed; the account is looked up after the answer, so that the answer tells nothing."""
    count_mail_request(email, client.network)
    transaction.on_commit(partial(enqueue, mail_reset, email))


def reset(secret: str, password: str) -> None:
    """Set a new password by a mailed link; it also proves the address. A refused password leaves the link good."""
    token = look_at(secret, Purpose.RESET)
    user = token.user
    require_good_password(password, user)
    user.set_password(password)  # slow, so before the lock
    with transaction.atomic():
        use(token)
        user.is_email_confirmed = True
        _store(user)


def change(user: User, old: str, new: str, client: ClientInfo) -> None:
    """Set a new password for a signed-in user, whose sessions all end: the caller starts a new one."""
    require_password(user, old, client, "old_password")
    require_good_password(new, user, "new_password")
    before = user.password
    user.set_password(new)
    with transaction.atomic():
        same = User.objects.select_for_update(no_key=True).filter(pk=user.pk, password=before, is_active=True)
        if not same.exists():  # changed twice at once
            raise InvalidCredentials()
        _store(user)


def _store(user: User) -> None:
    user.save(update_fields=["password", "is_email_confirmed", "updated_at"])
    void_all(user)
    transaction.on_commit(partial(enqueue, mail_password_changed, user.pk))
