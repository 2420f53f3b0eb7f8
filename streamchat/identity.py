"""Who is who: users of Stream and of Parley, the bot, and the service user."""

import re
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.access import Viewer
from accounts.models import User
from streamchat.errors import AskerInactive, StreamMissing
from streamchat.models import Service

_OURS = re.compile(r"parley-([1-9][0-9]{0,17})")


def is_configured() -> bool:
    """Tell whether there is a Stream app to talk to."""
    return bool(settings.STREAM_API_KEY and settings.STREAM_API_SECRET)


def require_configured() -> None:
    """Raise StreamMissing (404) where there is none."""
    if not is_configured():
        raise StreamMissing()


def stream_id(user_id: int) -> str:
    """Return what a user of Parley is called on Stream; the prefix keeps them apart from an app's other users."""
    return f"parley-{user_id}"


def parley_id(stream_user: str) -> int | None:
    """Return the id of the Parley user of that name on Stream, or None for somebody else."""
    found = _OURS.fullmatch(stream_user)
    return int(found[1]) if found else None


def owner_for(asker: str) -> User:
    """Return who owns a chat that this user of Stream begins; raise AskerInactive for an account that is closed."""
    user_id = parley_id(asker)
    if user_id is None:
        return service_user()
    user = active_user(user_id)
    if user is None:
        raise AskerInactive()
    return user


def active_user(user_id: int) -> User | None:
    return User.objects.select_related("profile").filter(pk=user_id, is_active=True).first()


def service_user() -> User:
    """Return the service user, made on first use. Nobody can sign in as it, and its address can receive no mail."""
    found = Service.objects.select_related("user__profile").filter(pk=1, user__is_active=True).first()
    if found is not None:
        return found.user
    try:
        with transaction.atomic():
            Service.objects.filter(user__is_active=False).delete()
            user = User.objects.create_user(f"stream-{uuid4().hex}@parley.invalid", is_email_confirmed=True)
            Service.objects.create(pk=1, user=user)
    except IntegrityError:  # another process made it a moment earlier
        return Service.objects.select_related("user__profile").get(pk=1).user
    return User.objects.select_related("profile").get(pk=user.pk)


def viewer_for(user: User) -> Viewer:
    """Return the user as the engine knows them; the webhook's signature stands for the session."""
    profile = user.profile
    return Viewer(user.pk, None, user.is_email_confirmed, profile.timezone, profile.preferred_model, user.is_staff)
