"""`deploy/upgrade` in its own folder, with nothing newer to fetch: backup, tables, styles, checks, restart, doctor."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.recipes import DEPLOY, ROOT
from tests.faults.cluster import Cluster
from tests.faults.stores import REDIS, PostgresDatabase

pytestmark = pytest.mark.skipif(not (ROOT / ".venv/bin/python").exists(), reason="there is no .venv")


@pytest.fixture
def site(services: None, cluster: Callable[..., Cluster], tmp_path: Path) -> Iterator[Cluster]:
    """Return a site in production, with its settings in a file."""
    with PostgresDatabase() as database:
        made = cluster(
            database.url,
            REDIS,
            SITE_URL="https://chat.example.org",
            SECURE_SSL_REDIRECT="true",
            REQUIRE_CONFIRMED_EMAIL="true",
            EMAIL_URL=f"file://{tmp_path}/mails",
            STATIC_ROOT=tmp_path / "static",
            MEDIA_ROOT=tmp_path / "media",
        )
        (tmp_path / "env").write_text("".join(f"{name}='{value}'\n" for name, value in made.environment.items()))
        yield made


def upgrade(folder: Path, **values: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": "/usr/bin:/bin", "ENV_FILE_OF_SERVER": f"{folder}/env", "BACKUPS": f"{folder}/backups"}
    environment |= {"AS": "env", "PIP": "true", "RESTART": f"touch {folder}/restarted", **values}
    return subprocess.run([DEPLOY / "upgrade"], env=environment, capture_output=True, text=True)


def test_it_does_every_step(site: Cluster, tmp_path: Path) -> None:
    done = upgrade(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    (backup,) = (tmp_path / "backups").iterdir()
    assert (backup / "database.dump").stat().st_size > 0
    assert (tmp_path / "static" / "admin").is_dir()
    assert (tmp_path / "restarted").exists()
    assert "PROBLEM" not in done.stdout


def test_a_step_that_fails_leaves_the_old_server_alone(site: Cluster, tmp_path: Path) -> None:
    """Here the packages cannot be had; the restart does not come."""
    assert upgrade(tmp_path, PIP="false").returncode != 0
    assert (tmp_path / "backups").is_dir()
    assert not (tmp_path / "restarted").exists()
