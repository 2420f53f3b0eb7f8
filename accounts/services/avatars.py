"""A user's avatar: replaced as a whole or not at all."""

from functools import partial

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from accounts.models import Profile, User
from accounts.services.avatar_files import remove_avatar_file, write_avatar_file


def replace_avatar(user: User, upload: "UploadedFile[bytes]") -> Profile:
    """Store a new avatar; the old one stays until the new one is committed, and stays where anything fails."""
    name = write_avatar_file(upload)
    try:
        return _switch(user, name)
    except BaseException:
        remove_avatar_file(name)
        raise


def remove_avatar(user: User) -> Profile:
    """Go back to no avatar."""
    return _switch(user, "")


@transaction.atomic
def _switch(user: User, name: str) -> Profile:
    profile = Profile.objects.select_for_update().get(user=user)
    if profile.avatar:
        transaction.on_commit(partial(remove_avatar_file, profile.avatar))
    profile.avatar = name
    profile.save(update_fields=["avatar"])
    return profile
