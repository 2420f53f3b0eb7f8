"""Refresh tokens: computed, never stored.

A token names its session and generation and carries an HMAC of the server's secret over both. So a successor whose
answer got lost can be computed again, and a forged token never reaches the database.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

MAX_LENGTH = 120


@dataclass(frozen=True, slots=True)
class RefreshToken:
    session_id: UUID
    generation: int

    @property
    def text(self) -> str:
        """Return the token as the cookie carries it."""
        name = f"{self.session_id.hex}.{self.generation}"
        return f"{name}.{_signature(name)}"


def _signature(name: str) -> str:
    key = hashlib.sha256(b"parley.refresh-token" + settings.SECRET_KEY.encode()).digest()
    return base64.urlsafe_b64encode(hmac.digest(key, name.encode(), "sha256")).decode().rstrip("=")


def read_refresh_token(text: str) -> RefreshToken | None:
    """Return what a genuine token says; None for anything else."""
    name, _, signature = text.rpartition(".")
    if len(text) > MAX_LENGTH or not text.isascii() or not hmac.compare_digest(signature, _signature(name)):
        return None
    session_id, _, generation = name.partition(".")
    return RefreshToken(UUID(session_id), int(generation))
