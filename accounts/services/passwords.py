"""Passwords: forgotten, and changed. Both secure the account."""

from django.db import transaction

from accounts.errors import InvalidCredentials
from accounts.mail.tasks import account_at, enqueue_link, mail_notice
from accounts.models import User
from accounts.security.network import ClientInfo
from accounts.security.rate_limits import count_mail_request
from accounts.services.credentials import require_good_password, require_password
from accounts.services.mail_tokens import Purpose, look_at, use


def request_reset(email: str, client: ClientInfo) -> None:
    """Have a reset link mailed; where there is no such account the same is done, so that nothing tells."""
    count_mail_request(email, client.network)
    enqueue_link(Purpose.RESET, account_at(email), email)


def reset(secret: str, password: str) -> User:
    """Set a new password by a mailed link; it also proves the address. A refused password leaves the link good."""
    token = look_at(secret, Purpose.RESET)
    user = token.user
    require_good_password(password, user)
    user.set_password(password)  # slow, so before the lock
    with transaction.atomic():
        use(token)
        user.is_email_confirmed = True
        _store(user)
    return user


def change(user: User, old: str, new: str, client: ClientInfo) -> None:
    """Set a new password for a signed-in user, whose sessions all end: the caller starts a new one."""
    require_password(user, old, client, "old_password")
    require_good_password(new, user, "new_password")
    user.set_password(new)
    with transaction.atomic():
        if User.objects.locked(user.actor) is None:  # secured meanwhile
            raise InvalidCredentials()
        _store(user)


def _store(user: User) -> None:
    user.save(update_fields=["password", "is_email_confirmed", "updated_at"])
    mail_notice.enqueue("password_changed", user.email)
