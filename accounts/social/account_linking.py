"""Whom the word of a provider signs in.

An account is its mailbox: the provider vouches for addresses, and nothing else that it tells is used or kept. So no
link to a provider outlives a change of address, and taking the keys away again leaves nothing behind.
"""

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.normalise import email_key
from accounts.security.network import ClientInfo
from accounts.security.rate_limits import count_registration
from common.errors import NotAllowed


class NothingVerified(NotAllowed):
    code, title = "email_not_verified", "That site vouches for no e-mail address of yours; verify one there first."


class ConfirmFirst(NotAllowed):
    code = "email_not_confirmed"
    title = (
        "There is an account with your address, but nobody has confirmed it, so it may be a stranger's. Confirm it "
        "first: set a new password by mail, or, if the account is yours, open the link that was mailed to you."
    )


class Deactivated(NotAllowed):
    code, title = "account_deactivated", "This account is deactivated."


def user_of(verified: Sequence[str], client: ClientInfo) -> User:
    """Return the account of one of these addresses, or a new one of the first; raise where nobody may be let in.

    An unconfirmed account lets nobody in: whoever registered it may know its password and wait for the owner to come.
    """
    usable = [address for address in verified if _is_usable(address)]
    found = [user for user in map(_account_of, usable) if user is not None]
    for user in found:
        if user.is_email_confirmed:
            return _active(user)
    if found:
        raise ConfirmFirst()
    if not usable:
        raise NothingVerified()
    return _create(usable[0], client)


def _is_usable(address: str) -> bool:
    try:
        validate_email(address)
    except ValidationError:
        return False
    return len(email_key(address)) <= 254 and address.isprintable()


def _account_of(address: str) -> User | None:
    """Return the account of an address; raise for one that only looks alike.

    Keys fold Unicode, so that nobody registers a look-alike; but a look-alike's mailbox is another mailbox.
    """
    user = User.objects.filter(email_key=email_key(address)).first()
    if user is None or user.email == address:
        return user
    if not (user.email + address).isascii():
        raise NothingVerified()
    return user


def _active(user: User) -> User:
    if not user.is_active:
        raise Deactivated()
    return user


def _create(address: str, client: ClientInfo) -> User:
    count_registration(client.network)
    user = User(email=address, is_email_confirmed=True)
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:  # the same person came twice at once, or registered meanwhile
        return user_of([address], client)
    return user
