"""Backup, restore and the way from SQLite to PostgreSQL, as docs/operations.md says."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.contents import Contents, files_below, run, start_on
from tests.faults.cluster import Cluster
from tests.faults.stores import REDIS, PostgresDatabase

MONDAY = "/var/backups/parley/monday"


@pytest.fixture
def postgres(services: None) -> Iterator[PostgresDatabase]:
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed (Debian: postgresql-client)")
    with PostgresDatabase() as made:
        yield made


def come_back(site: Cluster, folder: Path) -> None:
    """Back up beside a running server, lose everything, restore."""
    media, backup = folder / "media", {MONDAY: str(folder / "backups" / "monday")}
    process = start_on(site)
    contents = Contents(process)
    made = run(site, "manage.py backup /", backup)
    assert made.returncode == 0, made.stderr
    kept = files_below(media)
    assert run(site, "manage.py backup /", backup).returncode == 1, "a backup is never written over another"
    assert contents.more(process) == 201
    process.kill()

    refused = run(site, "manage.py restore", backup)
    assert (refused.returncode, "--overwrite" in refused.stderr) == (1, True)
    shutil.rmtree(media)
    assert run(site, "manage.py restore", {**backup, "restore ": "restore --overwrite "}).returncode == 0
    process.start()
    process.wait_ready()
    assert contents.read(process) == contents.seen
    assert files_below(media) == kept
    assert contents.more(process) == 201


def test_sqlite_comes_back(cluster: Callable[..., Cluster], sqlite_url: str, tmp_path: Path) -> None:
    come_back(cluster(sqlite_url, MEDIA_ROOT=tmp_path / "media"), tmp_path)


def test_postgresql_comes_back(cluster: Callable[..., Cluster], postgres: PostgresDatabase, tmp_path: Path) -> None:
    come_back(cluster(postgres.url, REDIS, MEDIA_ROOT=tmp_path / "media"), tmp_path)


def test_a_backup_goes_into_a_database_without_tables(
    cluster: Callable[..., Cluster], postgres: PostgresDatabase, tmp_path: Path
) -> None:
    site = cluster(postgres.url, REDIS, MEDIA_ROOT=tmp_path / "media")
    process = start_on(site)
    contents = Contents(process)
    assert site.manage("backup", str(tmp_path / "one")).returncode == 0
    process.kill()
    with PostgresDatabase() as other:
        elsewhere = {"DATABASE_URL": other.url, "MEDIA_ROOT": str(tmp_path / "other")}
        done = site.manage("restore", str(tmp_path / "one"), **elsewhere)
        assert done.returncode == 0, done.stderr
        process = start_on(site, **elsewhere)
        assert contents.read(process) == contents.seen
        process.kill()


def test_what_is_no_backup_or_of_another_kind_is_refused(
    cluster: Callable[..., Cluster], sqlite_url: str, tmp_path: Path
) -> None:
    site = cluster(sqlite_url, MEDIA_ROOT=tmp_path / "media")
    assert "another place" in site.manage("backup", str(tmp_path / "media" / "one")).stderr
    assert "is no backup" in site.manage("restore", str(tmp_path)).stderr
    (tmp_path / "manifest.json").write_text('{"version": "1", "database": "postgresql", "made_at": ""}')
    assert "copy_from_sqlite" in site.manage("restore", str(tmp_path)).stderr
    assert "does not name a PostgreSQL" in site.manage("copy_from_sqlite", "db.sqlite3").stderr


def test_from_sqlite_to_postgresql(
    cluster: Callable[..., Cluster], provider: object, postgres: PostgresDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "db.sqlite3"
    before = cluster(f"sqlite:///{file}", MEDIA_ROOT=tmp_path / "media")
    process = start_on(before)
    contents = Contents(process)
    process.kill()
    after = cluster(postgres.url, REDIS, MEDIA_ROOT=tmp_path / "media")

    done = run(after, "copy_from_sqlite", {"db.sqlite3": str(file)})
    assert done.returncode == 0, done.stderr
    assert "Every row is the same in both." in done.stdout
    process = start_on(after)
    assert contents.read(process) == contents.seen
    assert contents.more(process) == 201
    again = run(after, "copy_from_sqlite", {"db.sqlite3": str(file)})
    assert (again.returncode, "has accounts already" in again.stderr) == (1, True)


def test_a_row_that_does_not_arrive_undoes_everything(
    cluster: Callable[..., Cluster], postgres: PostgresDatabase, tmp_path: Path
) -> None:
    """Here: a text that PostgreSQL does not take and SQLite did."""
    file = tmp_path / "db.sqlite3"
    before = cluster(f"sqlite:///{file}")
    made = before.manage(
        "createsuperuser", "--noinput", DJANGO_SUPERUSER_EMAIL="a@example.org", DJANGO_SUPERUSER_PASSWORD="x"
    )
    assert made.returncode == 0, made.stderr
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE accounts_profile SET first_name = ?", ["x" * 200])
    after = cluster(postgres.url, REDIS)

    assert after.manage("copy_from_sqlite", str(file)).returncode == 1
    assert after.sql("SELECT count(*) FROM accounts_user") == [(0,)]
    assert after.sql("SELECT count(*) FROM auth_permission")[0][0] > 0, "what migrate made is there again"
