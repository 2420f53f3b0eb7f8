"""The mails, as jobs: each looks up what it needs, so that asking for one costs the same whoever asks."""

from django.db.models import QuerySet

from accounts.mail.messages import compose
from accounts.models import User
from accounts.normalise import email_key
from accounts.security.rate_limits import may_mail
from accounts.services.mail_tokens import Purpose, issue, pretend_to_issue


def mail_confirmation(user_id: int) -> None:
    """Ask a user to confirm the address, unless that is done."""
    user = _unconfirmed(User.objects.filter(pk=user_id))
    if user is not None:
        _mail_link(user, user.email, Purpose.CONFIRM)


def mail_confirmation_to(email: str) -> None:
    """The same by address, if there is such an account."""
    _mail_link(_unconfirmed(User.objects.filter(email_key=email_key(email))), email, Purpose.CONFIRM)


def _unconfirmed(found: QuerySet[User]) -> User | None:
    return found.filter(is_active=True, is_email_confirmed=False).first()


def mail_reset(email: str) -> None:
    """Mail a reset link to the stored address of that account, if there is one."""
    user = User.objects.filter(email_key=email_key(email), is_active=True).first()
    _mail_link(user, email, Purpose.RESET)


def _mail_link(user: User | None, typed: str, purpose: Purpose) -> None:
    """Mail a link to a user's stored address; for nobody, do the same work and send nothing.

    Work that only existing accounts cause would slow the next request down, and so show.
    """
    allowed = may_mail(typed)
    if user is None or not allowed:
        compose(purpose.value, "nobody@example.com", secret=pretend_to_issue())
    else:
        compose(purpose.value, user.email, secret=issue(user, purpose, user.email)).send()


def mail_address_change(user_id: int, email: str) -> None:
    """Mail the link to the new address and a notice to the present one."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is not None and may_mail(email):
        compose("change", email, secret=issue(user, Purpose.CHANGE, email)).send()
        compose("change_notice", user.email, new_email=email).send()


def mail_address_changed(old: str, new: str) -> None:
    """Tell the old address that it is not used any more."""
    compose("changed", old, new_email=new).send()


def mail_password_changed(user_id: int) -> None:
    """Tell the owner that the password is a new one."""
    if user := User.objects.filter(pk=user_id).first():
        compose("password_changed", user.email).send()
