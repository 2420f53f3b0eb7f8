"""The mails, as jobs: each looks up what it needs, so that asking for one costs the same whoever asks."""

from django.db.models import QuerySet

from accounts.mail.messages import send
from accounts.models import User
from accounts.normalise import email_key
from accounts.security.guessing import may_mail
from accounts.services.mail_tokens import Purpose, issue


def mail_confirmation(user_id: int) -> None:
    """Ask a user to confirm the address, unless that is done."""
    _confirm(User.objects.filter(pk=user_id))


def mail_confirmation_to(email: str) -> None:
    """The same by address, if there is such an account."""
    _confirm(User.objects.filter(email_key=email_key(email)))


def _confirm(found: QuerySet[User]) -> None:
    user = found.filter(is_active=True, is_email_confirmed=False).first()
    if user is not None and may_mail(user.email):
        send("confirm", user.email, secret=issue(user, Purpose.CONFIRM, user.email))


def mail_reset(email: str) -> None:
    """Mail a reset link to the stored address of that account, if there is one."""
    user = User.objects.filter(email_key=email_key(email), is_active=True).first()
    if user is not None and may_mail(user.email):
        send("reset", user.email, secret=issue(user, Purpose.RESET, user.email))


def mail_address_change(user_id: int, email: str) -> None:
    """Mail the link to the new address and a notice to the present one."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is not None and may_mail(email):
        send("change", email, secret=issue(user, Purpose.CHANGE, email))
        send("change_notice", user.email, new_email=email)


def mail_address_changed(old: str, new: str) -> None:
    """Tell the old address that it is not used any more."""
    send("changed", old, new_email=new)


def mail_password_changed(user_id: int) -> None:
    """Tell the owner that the password is a new one."""
    if user := User.objects.filter(pk=user_id).first():
        send("password_changed", user.email)
