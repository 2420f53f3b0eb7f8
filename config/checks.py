"""System checks: what would go wrong later is said at the start, with an id and a hint."""

import sqlite3
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connection
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.module_loading import import_string

from common.sql import WAL_FIX


@register(Tags.database)
def several_processes_need_shared_stores(**_: Any) -> list[CheckMessage]:
    """SQLite and memory serve one process only."""
    if settings.WEB_CONCURRENCY < 2:
        return []
    missing = [] if connection.vendor == "postgresql" else ["DATABASE_URL to a PostgreSQL database"]
    missing += [] if settings.REDIS_URL else ["REDIS_URL"]
    if not missing:
        return []
    hint = f"Set {' and '.join(missing)}, or WEB_CONCURRENCY=1."
    return [Error("Several processes need PostgreSQL and Redis.", hint=hint, id="parley.E001")]


PROTECTING = (SecurityMiddleware, XFrameOptionsMiddleware, CsrfViewMiddleware)


@register(Tags.security)
def protecting_middleware_is_there(**_: Any) -> list[CheckMessage]:
    """Do what security.W001 to W003 do, for Django's classes and our subclasses of them."""
    present = [import_string(path) for path in settings.MIDDLEWARE]
    return [
        Error(f"{stock.__name__} is not in MIDDLEWARE.", hint="Restore it from config/settings.py.", id="parley.E002")
        for stock in PROTECTING
        if not any(isinstance(kind, type) and issubclass(kind, stock) for kind in present)
    ]


@register(Tags.security, deploy=True)
def production_needs_a_real_site(**_: Any) -> list[CheckMessage]:
    """Links in mails and the cookie rules are built on the site's address."""
    found: list[CheckMessage] = []
    if not settings.SITE_URL.startswith("https://"):
        hint = "Set SITE_URL to the https address that people use."
        found.append(CheckWarning("SITE_URL is not an https address.", hint=hint, id="parley.W002"))
    if not Path(settings.STATIC_ROOT).is_dir():
        hint = "Run `python manage.py collectstatic`."
        found.append(CheckWarning("STATIC_ROOT does not exist, so pages have no style.", hint=hint, id="parley.W003"))
    if not settings.REQUIRE_CONFIRMED_EMAIL:
        hint = "Set REQUIRE_CONFIRMED_EMAIL=true unless everybody who can reach the site is trusted."
        found.append(CheckWarning("Accounts need no confirmed address.", hint=hint, id="parley.W004"))
    return found


def sqlite_warning() -> str:
    """Return what to say at the start where SQLite may corrupt a WAL database, else nothing."""
    if connection.vendor != "sqlite" or sqlite3.sqlite_version_info >= WAL_FIX:
        return ""
    return (
        f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug that 3.51.3 mends; it is rare and needs two "
        "connections at the wrong moment. `pip install -r requirements-sqlite.txt` mends it; PostgreSQL never had it."
    )
