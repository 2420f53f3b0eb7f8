"""What users say about themselves."""

from collections.abc import Mapping
from typing import Any

from accounts.models import Profile


def update_profile(profile: Profile, values: Mapping[str, Any]) -> Profile:
    """Store valid values; only the fields that were given are written."""
    for name, value in values.items():
        setattr(profile, name, value)
    if values:
        profile.save(update_fields=list(values))
    return profile
