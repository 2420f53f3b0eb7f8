"""The other recipes of docs/operations.md: the environment file, backup and restore."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from llm.testing import FakeProvider
from tests.deploy.recipes import recipe, replaced
from tests.faults.cluster import Cluster
from tests.faults.stores import PostgresDatabase

ADA = "ada@example.org"
PEOPLE = "SELECT email FROM accounts_user"


def run(script: str, folder: Path, **environment: str) -> None:
    values = {"PATH": os.environ["PATH"], **environment}
    subprocess.run(["sh", "-euc", script], cwd=folder, env=values, check=True, capture_output=True)


def sourced(file: Path) -> dict[str, str]:
    """Return what a shell makes of the file: exactly as the page says, then `env`."""
    reading = replaced(recipe("sh", "set -a;").splitlines()[0], {"/etc/parley.env": str(file)})
    shown = subprocess.run(["sh", "-euc", f"{reading}; env"], env={}, check=True, capture_output=True, text=True).stdout
    return {line.partition("=")[0]: line.partition("=")[2] for line in shown.splitlines()}


def of_systemd(text: str) -> dict[str, str]:
    """Return what systemd makes of it: whole-line comments only, quotes around a whole value taken off."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith(("#", ";"))]
    values = {line.partition("=")[0]: line.partition("=")[2] for line in lines}
    return {name: value[1:-1] if value[:1] == value[-1:] == '"' else value for name, value in values.items()}


def test_shell_systemd_and_parley_read_the_environment_file_alike(tmp_path: Path) -> None:
    text = recipe("sh", "SECRET_KEY_FILE=")
    file = tmp_path / "parley.env"
    file.write_text(text)
    shell, parley = sourced(file), dotenv_values(file, interpolate=False)
    wanted = of_systemd(text)

    assert wanted["DEFAULT_FROM_EMAIL"] == "Parley <chat@example.org>"
    assert {name: shell[name] for name in wanted} == wanted
    assert {name: parley[name] for name in wanted} == wanted


def test_the_unit_starts_what_is_there() -> None:
    unit = recipe("ini", "ExecStart=")

    (command,) = (line.partition("=")[2] for line in unit.splitlines() if line.strip().startswith("ExecStart="))
    assert shlex.split(command)[1:3] == ["manage.py", "serve"]
    assert "EnvironmentFile=/etc/parley.env" in unit


@pytest.fixture
def postgres(services: None) -> Iterator[tuple[PostgresDatabase, PostgresDatabase]]:
    with PostgresDatabase() as first, PostgresDatabase() as second:
        yield first, second


def fill(cluster: Cluster, media: Path) -> None:
    made = cluster.manage("createsuperuser", "--noinput", DJANGO_SUPERUSER_EMAIL=ADA, DJANGO_SUPERUSER_PASSWORD="x")
    assert made.returncode == 0, made.stderr
    media.mkdir()
    (media / "picture.webp").write_bytes(b"a picture")


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is not installed (Debian: postgresql-client)")
def test_a_backup_of_postgresql_comes_back(
    postgres: tuple[PostgresDatabase, PostgresDatabase], provider: FakeProvider, tmp_path: Path
) -> None:
    first, second = postgres
    media, restored = tmp_path / "media", tmp_path / "restored"
    with Cluster(tmp_path, provider, first.url) as cluster:
        fill(cluster, media)
    restored.mkdir()
    run(recipe("sh", "pg_dump"), tmp_path, DATABASE_URL=first.url, MEDIA_ROOT=str(media))
    run(recipe("sh", "pg_restore"), tmp_path, DATABASE_URL=second.url, MEDIA_ROOT=str(restored))

    assert Cluster(tmp_path, provider, second.url).sql(PEOPLE) == [(ADA,)]
    assert (restored / "picture.webp").read_bytes() == b"a picture"


@pytest.mark.skipif(
    shutil.which("sqlite3") is None, reason="sqlite3 is not installed (Debian: apt-get install sqlite3)"
)
def test_a_backup_of_sqlite_comes_back(cluster: Callable[..., Cluster], sqlite_url: str, tmp_path: Path) -> None:
    made = cluster(sqlite_url)
    fill(made, tmp_path / "media")
    made.start()  # a backup is made of a running server
    run(recipe("sh", ".backup"), tmp_path)
    made.processes[0].kill()
    made.sql("UPDATE accounts_user SET email = 'lost'")
    run(recipe("sh", "cp parley.sqlite3"), tmp_path)

    assert made.sql(PEOPLE) == [(ADA,)]
