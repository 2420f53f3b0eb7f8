from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Problem:
    what: str
    advice: str

    @classmethod
    def of(cls, error: BaseException, what: str, advice: str) -> Self:
        """Return a problem with the first line of an error, in which no secret of ours stands."""
        said = str(error).strip().partition("\n")[0]
        return cls(f"{what} ({type(error).__name__}: {without_secrets(said)})", advice)


def without_secrets(text: str) -> str:
    """Blot out the passwords and keys that the settings hold."""
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def _secrets() -> set[str]:
    named = {str(getattr(settings, name)) for name in dir(settings) if name.endswith(("_KEY", "_SECRET", "_PASSWORD"))}
    addresses = {urlsplit(url).password or "" for url in (settings.DATABASE_URL, settings.REDIS_URL)}
    return {secret for secret in named | addresses | set(settings.SECRETS_KEYS) if len(secret) > 2}
