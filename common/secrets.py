"""What is kept sealed in the database: tokens of Fernet, readable with the server's own keys alone.

`SECRETS_KEYS` seals with its first key and opens with all of them; the key that follows from `SECRET_KEY` comes last,
and is the only one where the setting is empty. What a key follows from is any long random text.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

PURPOSE = b"parley: what is kept sealed\0"


class Unreadable(Exception):
    """What is stored was sealed with a key that the server no longer has, or is no sealed text at all."""


class SealedField(models.TextField):  # type: ignore[type-arg]
    """Holds what `seal` returned; `manage.py rotate_secrets` finds the columns by it."""


def seal(text: str) -> str:
    """Return a token for a text; nothing for nothing."""
    return _fernet().encrypt(text.encode()).decode() if text else ""


def unseal(token: str) -> str:
    """Return the text of a token; raise Unreadable."""
    return _opened(_fernet().decrypt, token).decode() if token else ""


def resealed(token: str) -> str:
    """Return a token for the same text under the newest key; raise Unreadable."""
    return _opened(_fernet().rotate, token).decode() if token else ""


def _opened(open_: Callable[[bytes], bytes], token: str) -> bytes:
    from cryptography.fernet import InvalidToken

    try:
        return open_(token.encode())
    except InvalidToken:
        raise Unreadable("sealed with another key") from None


def _fernet() -> "MultiFernet":
    return _fernet_of((*settings.SECRETS_KEYS, settings.SECRET_KEY))


@lru_cache(maxsize=4)
def _fernet_of(texts: tuple[str, ...]) -> "MultiFernet":
    from cryptography.fernet import Fernet, MultiFernet

    return MultiFernet([Fernet(urlsafe_b64encode(sha256(PURPOSE + text.encode()).digest())) for text in texts])
