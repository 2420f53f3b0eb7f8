"""A new account."""

from django.db import IntegrityError, transaction

from accounts.locales import accepted_locale
from accounts.mail.tasks import enqueue_link
from accounts.models import Profile, User
from accounts.normalise import email_key
from accounts.security.network import ClientInfo
from accounts.security.rate_limits import count_registration
from accounts.services.credentials import require_good_password
from accounts.services.mail_tokens import Purpose
from common.errors import Invalid

TAKEN = {
    "email": "There is an account with this address already.",
    "username": "This name is taken.",
}


def register(*, email: str, password: str, username: str | None, client: ClientInfo) -> User:
    """Create an account and mail the confirmation link; raise Invalid for what is taken or too weak."""
    count_registration(client.network)
    user = User(email=email, email_key=email_key(email), username=username or None)
    require_good_password(password, user)
    require_free(user)
    user.set_password(password)
    save_unless_taken(user, accepted_locale(client.languages))
    return user


def require_free(user: User) -> None:
    """Raise Invalid, by field, for an address or name that another account has."""
    others = User.objects.exclude(pk=user.pk)
    taken = {
        "email": others.filter(email_key=email_key(user.email)).exists(),
        "username": user.username is not None and others.filter(username__iexact=user.username).exists(),
    }
    if any(taken.values()):
        raise Invalid(errors={field: [TAKEN[field]] for field, found in taken.items() if found})


def save_unless_taken(user: User, locale: str = "") -> None:
    """Save a new account; of parallel ones with the same address the constraint lets one through."""
    try:
        with transaction.atomic():
            user.save()
            if locale:
                Profile.objects.filter(user=user).update(locale=locale)
            enqueue_link(Purpose.CONFIRM, user, user.email)
    except IntegrityError:
        user.pk = None
        require_free(user)
        raise


def change_username(user: User, username: str | None) -> None:
    """Give a user another name, or none."""
    user.username = username or None
    require_free(user)
    try:
        with transaction.atomic():
            user.save(update_fields=["username", "updated_at"])
    except IntegrityError:
        require_free(user)
        raise
