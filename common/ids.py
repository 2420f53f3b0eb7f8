"""Identifiers that sort by the time they were made (RFC 9562, version 7)."""

from uuid import UUID

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> UUID:
    """Return a new time-ordered UUID."""
    return _uuid7()
