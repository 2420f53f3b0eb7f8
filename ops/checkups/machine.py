"""This machine: settings, versions, clock, disk."""

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings
from django.core.checks import run_checks
from django.db import connection
from django.utils import timezone

from common.child_process import PROJECT
from common.leases import database_now
from common.sql import WAL_FIX, instant_of
from ops.checkups.problem import Problem, without_secrets

CLOCK = timedelta(seconds=2)
PYTHON = (3, 11)


def check_settings() -> Iterator[Problem]:
    """Ask Django's system checks, those for production unless this is none."""
    for said in run_checks(include_deployment_checks=not settings.DEBUG):
        if not said.is_silenced():
            yield Problem(without_secrets(f"{said.msg} ({said.id})"), said.hint or "See docs/settings.md.")


def check_versions() -> Iterator[Problem]:
    if sys.version_info < PYTHON:
        yield Problem(f"Python {sys.version.split()[0]} is too old.", "Use 3.11 or newer.")
    if connection.vendor == "sqlite" and sqlite3.sqlite_version_info < WAL_FIX and not settings.DEBUG:
        hint = "Install requirements-sqlite.txt, or use PostgreSQL for data that matters."
        yield Problem(f"SQLite {sqlite3.sqlite_version} can, rarely, damage a database in WAL mode.", hint)
    if others := list(_other_versions()):
        hint = "Install exactly what is named: `.venv/bin/pip install -r requirements.txt`."
        yield Problem(f"Packages differ from requirements.txt: {', '.join(others)}.", hint)


def _other_versions() -> Iterator[str]:
    for line in (PROJECT / "requirements.txt").read_text().splitlines():
        name, _, wanted = line.partition("==")
        if wanted and not line.startswith("#"):
            try:
                found = version(name.partition("[")[0])
            except PackageNotFoundError:
                found = "missing"
            if found != wanted:
                yield f"{name} {found} instead of {wanted}"


def check_clock() -> Iterator[Problem]:
    """Leases follow the database's clock, tokens and links this machine's."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {database_now()}", [])
        [theirs] = cursor.fetchone()
    ahead = timezone.now() - instant_of(theirs)
    if abs(ahead) > CLOCK:
        hint = "Have both machines keep time by NTP (`timedatectl set-ntp true`)."
        seconds = ahead.total_seconds()
        yield Problem(f"This machine's clock is {seconds:+.1f} s from the database's.", hint)


def check_disk() -> Iterator[Problem]:
    folders = {"MEDIA_ROOT": Path(settings.MEDIA_ROOT), "UPLOAD_FOLDER": Path(settings.UPLOAD_FOLDER)}
    if connection.vendor == "sqlite":
        folders["the database's folder"] = Path(str(connection.settings_dict["NAME"])).resolve().parent
    for name, folder in folders.items():
        there = next(each for each in (folder.resolve(), *folder.resolve().parents) if each.is_dir())
        free = shutil.disk_usage(there).free
        if free < settings.DISK_FREE_BYTES:
            hint = "Make room or move it to a larger disk; `manage.py prune` deletes what has had its time."
            yield Problem(f"Only {free // 2**20:,} MiB are free at {name}.", hint)
