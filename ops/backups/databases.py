"""The database into a file and back, each by its maker's own means."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient

from accounts.models import User
from ops.backups import BackupFailed


def dump_database(file: Path) -> None:
    """Write a consistent copy while the server runs."""
    if connection.vendor == "sqlite":
        _copy_sqlite(_sqlite_path(), file)
    else:
        _run("pg_dump", "--format=custom", f"--file={file}")


def load_database(file: Path) -> None:
    """Put a copy in the place of all that is in the database, in one transaction."""
    connection.close()
    if connection.vendor == "sqlite":
        _copy_sqlite(file, _sqlite_path())
    else:
        connection.close_pool()  # type: ignore[attr-defined]
        safely = ("--single-transaction", "--exit-on-error", "--no-owner", "--clean", "--if-exists")
        _run("pg_restore", *safely, str(file), is_restore=True)


def is_database_empty() -> bool:
    """Tell whether nobody has an account, or there are no tables yet."""
    tables = connection.introspection.table_names()
    return User._meta.db_table not in tables or not User.objects.exists()


def _sqlite_path() -> Path:
    return Path(str(connection.settings_dict["NAME"]))


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy by SQLite's backup API, which other connections may write beside, and check the copy."""
    with closing(sqlite3.connect(source)) as from_, closing(sqlite3.connect(target, timeout=30)) as to:
        from_.backup(to)
        [said] = to.execute("PRAGMA integrity_check").fetchone()
        to.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    if said != "ok":
        raise BackupFailed(f"The copy of {source} is damaged: {said}")


def _run(program: str, *options: str, is_restore: bool = False) -> None:
    """Run a program of PostgreSQL's; the password stands in its environment, where `ps` does not show it."""
    if shutil.which(program) is None:
        raise BackupFailed(f"{program} is not installed (Debian: apt-get install postgresql-client).")
    [_, *where, name], environment = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    database = [f"--dbname={name}"] if is_restore else [name]
    command = [program, *where, *options, *database]
    done = subprocess.run(  # noqa: S603
        command, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BackupFailed(f"{program} failed: {done.stderr.strip()}")
