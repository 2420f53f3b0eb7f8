"""What users say about themselves."""

from collections.abc import Mapping
from typing import Any

from accounts.models import Profile
from accounts.signals import profile_changing


def update_profile(profile: Profile, values: Mapping[str, Any]) -> Profile:
    """Store valid values; only the fields that they change are written. Raises Invalid."""
    changes = {name: value for name, value in values.items() if getattr(profile, name) != value}
    profile_changing.send(Profile, user_id=profile.user_id, values=changes)
    for name, value in changes.items():
        setattr(profile, name, value)
    if changes:
        profile.save(update_fields=list(changes))
    return profile
