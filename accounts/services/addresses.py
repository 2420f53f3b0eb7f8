"""E-mail addresses: confirmed, and changed."""

from django.db import IntegrityError, transaction

from accounts.errors import InvalidToken
from accounts.mail.tasks import account_at, enqueue_link, mail_notice
from accounts.models import User
from accounts.normalise import email_key
from accounts.security.network import ClientInfo
from accounts.security.rate_limits import count_mail_request, count_registration
from accounts.services.credentials import require_password
from accounts.services.mail_tokens import Purpose, look_at, use
from accounts.services.registration import TAKEN, require_free
from common.errors import Invalid


def resend_confirmation(user: User, client: ClientInfo) -> None:
    """Mail a new confirmation link, if one is needed."""
    count_mail_request(user.email, client.network)
    enqueue_link(Purpose.CONFIRM, None if user.is_email_confirmed else user, user.email)


def resend_confirmation_to(email: str, client: ClientInfo) -> None:
    """The same for somebody who is not signed in, whether there is such an account or not."""
    count_mail_request(email, client.network)
    enqueue_link(Purpose.CONFIRM, account_at(email, is_email_confirmed=False), email)


def request_change(user: User, email: str, password: str, client: ClientInfo) -> None:
    """Mail a link to the new address and a notice to the present one; nothing changes until the link is used."""
    require_password(user, password, client, "password")
    count_registration(client.network)  # it tells, like registering, whether an address is taken
    count_mail_request(email, client.network)
    require_free(User(pk=user.pk, email=email))
    with transaction.atomic():
        enqueue_link(Purpose.CHANGE, user, email)
        mail_notice.enqueue("change_notice", user.email, new_email=email)


@transaction.atomic
def confirm(secret: str) -> User:
    """Use a link: the address it was sent to is the user's, and confirmed."""
    token = look_at(secret, Purpose.CONFIRM, Purpose.CHANGE)
    user = use(token)
    if token.purpose == Purpose.CHANGE:
        _change(user, token.email)
    elif email_key(token.email) != user.email_key:
        raise InvalidToken()
    user.is_email_confirmed = True
    user.save(update_fields=["is_email_confirmed", "updated_at"])
    return user


def _change(user: User, email: str) -> None:
    old, user.email = user.email, email
    try:
        with transaction.atomic():
            user.save(update_fields=["email", "updated_at"])
    except IntegrityError as error:
        raise Invalid(errors={"email": [TAKEN["email"]]}) from error
    mail_notice.enqueue("changed", old, new_email=email)
