"""The environment, read in one place.

Every setting of Parley is an environment variable read by one of the functions below. Real environment variables
win over the `.env` file (`ENV_FILE` names another one, or none when it is empty). A secret `NAME` may come from the
file that `NAME_FILE` points to. A wrong value stops the start with the name of the setting in the message.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values

BASE_DIR = Path(__file__).resolve().parent.parent
NAMES: set[str] = {"ENV_FILE"}
T = TypeVar("T")


def _environment() -> Mapping[str, str]:
    file = os.environ.get("ENV_FILE", ".env")
    stored = dotenv_values(BASE_DIR / file, interpolate=False) if file else {}
    return {name: value for name, value in {**stored, **os.environ}.items() if value is not None}


VALUES = _environment()


def _read(name: str, parse: Callable[[str], T], default: T) -> T:
    NAMES.add(name)
    raw = VALUES.get(name, "").strip()
    if not raw:
        return default
    try:
        return parse(raw)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error


def text(name: str, default: str = "") -> str:
    """Return the value, or the default where it is unset or empty."""
    return _read(name, str, default)


def flag(name: str, default: bool) -> bool:
    """Read true/false, yes/no, on/off or 1/0."""

    def parse(raw: str) -> bool:
        if raw.lower() in ("true", "yes", "on", "1"):
            return True
        if raw.lower() in ("false", "no", "off", "0"):
            return False
        raise ValueError(f"{raw!r} is neither true nor false")

    return _read(name, parse, default)


def integer(name: str, default: int, least: int = 0, most: int = 2**53) -> int:
    """Read a whole number between `least` and `most`."""
    return _read(name, lambda raw: _bounded(int(raw), least, most), default)


def number(name: str, default: float, least: float = 0, most: float = 10**9) -> float:
    """Read a number (of seconds, mostly) between `least` and `most`."""
    return _read(name, lambda raw: _bounded(float(raw), least, most), default)


def _bounded(value: T, least: T, most: T) -> T:
    if not least <= value <= most:  # type: ignore[operator]
        raise ValueError(f"{value} is not between {least} and {most}")
    return value


def choice(name: str, default: str, allowed: Sequence[str]) -> str:
    """Read one of a closed list of words."""

    def parse(raw: str) -> str:
        if raw not in allowed:
            raise ValueError(f"{raw!r} is not one of {', '.join(allowed)}")
        return raw

    return _read(name, parse, default)


def choices(name: str, allowed: Sequence[str]) -> list[str]:
    """Read a comma-separated list of words out of a closed one."""

    def parse(raw: str) -> list[str]:
        found = [part.strip() for part in raw.split(",") if part.strip()]
        if unknown := [part for part in found if part not in allowed]:
            raise ValueError(f"{', '.join(unknown)}: not among {', '.join(allowed)}")
        return found

    return _read(name, parse, [])


def words(name: str, default: Sequence[str] = ()) -> list[str]:
    """Read a comma-separated list."""
    return _read(name, lambda raw: [part.strip() for part in raw.split(",") if part.strip()], list(default))


def pairs(name: str, default: Mapping[str, str]) -> dict[str, str]:
    """Read `a=b, c=d` and lay it over the default."""

    def parse(raw: str) -> dict[str, str]:
        parts = [part.partition("=") for part in raw.split(",") if part.strip()]
        if any(not equals for _, equals, _ in parts):
            raise ValueError("expected NAME=VALUE pairs separated by commas")
        return {**default, **{key.strip(): value.strip() for key, _, value in parts}}

    return _read(name, parse, dict(default))


def origin(name: str, default: str) -> str:
    """Read an http(s) address and drop its trailing slash."""
    return _read(name, _http_url, default)


def origins(name: str, default: Sequence[str]) -> list[str]:
    """Read a comma-separated list of origins as browsers send them; those of app shells have schemes of their own."""
    return _read(name, lambda raw: [_origin(part.strip()) for part in raw.split(",") if part.strip()], list(default))


def _origin(raw: str) -> str:
    parts = urlsplit(raw.rstrip("/").lower())
    if not parts.scheme or not parts.netloc or "@" in parts.netloc or parts.path or parts.query or parts.fragment:
        raise ValueError(f"{raw!r} is not an origin, such as https://app.example.org or capacitor://localhost")
    return parts.geturl()


def _http_url(raw: str) -> str:
    parts = urlsplit(raw)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{raw!r} is not an http(s) address")
    return raw.rstrip("/")


def json_object(name: str) -> dict[str, Any]:
    """Read a JSON object, such as the options of a storage, which may hold keys; nothing is an empty one."""
    raw = secret(name)
    try:
        found = json.loads(raw) if raw else {}
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: this is no JSON") from error
    if not isinstance(found, dict):
        raise ImproperlyConfigured(f"{name}: this must be a JSON object")
    return found


def secret(name: str, default: str = "") -> str:
    """Read NAME, or the file that NAME_FILE points to."""
    NAMES.add(f"{name}_FILE")
    if path := VALUES.get(f"{name}_FILE", "").strip():
        NAMES.add(name)
        try:
            return Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{name}_FILE: {error}") from error
    return text(name, default)


def mail(name: str, default: str) -> dict[str, str | int | bool]:
    """Read a mail address of the form smtp://, smtps://, smtp+tls://, console: or file:///folder as Django settings."""
    raw = secret(name, default)
    try:
        return _mail_settings(raw)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error


def _mail_settings(raw: str) -> dict[str, str | int | bool]:
    parts = urlsplit(raw)
    backend = "django.core.mail.backends."
    if parts.scheme in ("console", "dummy", "locmem"):
        return {"EMAIL_BACKEND": f"{backend}{parts.scheme}.EmailBackend"}
    if parts.scheme == "file":
        return {"EMAIL_BACKEND": f"{backend}filebased.EmailBackend", "EMAIL_FILE_PATH": unquote(parts.path)}
    if parts.scheme not in ("smtp", "smtps", "smtp+tls") or not parts.hostname:
        raise ValueError("expected smtp://, smtps:// or smtp+tls://user:password@host:port, console: or file:///folder")
    return {
        "EMAIL_BACKEND": f"{backend}smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or {"smtp": 25, "smtps": 465, "smtp+tls": 587}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
    }
