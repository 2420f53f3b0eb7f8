"""`manage.py doctor` as an operator runs it: it finds each planted fault, says what to do, and tells no secret."""

import io
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.faults.cluster import Cluster
from tests.faults.stores import free_port

SECRET = "hidden-7c1f"
Settings = dict[str, Any]


class Refusing(BaseHTTPRequestHandler):
    """A provider that accepts no key."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def site(cluster: Callable[..., Cluster], sqlite_url: str, tmp_path: Path) -> Cluster:
    """Return a server in which nothing is wrong."""
    return cluster(sqlite_url, DEBUG="true", EMAIL_URL=f"file://{tmp_path}/mails", MEDIA_ROOT=tmp_path / "media")


def nowhere() -> str:
    return f"127.0.0.1:{free_port()}"


def no_tables(site: Cluster, folder: Path) -> Settings:
    return {"DATABASE_URL": f"sqlite:///{folder}/empty.sqlite3"}


def another_layout(site: Cluster, folder: Path) -> Settings:
    site.sql("ALTER TABLE usage_counter RENAME COLUMN tokens TO was_tokens")
    return {}


def no_folder(site: Cluster, folder: Path) -> Settings:
    (folder / "file").write_text("")
    return {"MEDIA_ROOT": folder / "file" / "media"}


def lost_bytes(site: Cluster, folder: Path) -> Settings:
    site.sql(
        "INSERT INTO files_file (id, owner_id, sha256, name, media_type, size, state, error, prompt_size, created_at) "
        "VALUES (?, 1, '', 'a.txt', 'text/plain', 1, 'ready', '', 0, '2026-01-01')",
        "0" * 32,
    )
    return {}


def unreadable_key(site: Cluster, folder: Path) -> Settings:
    names = [row[1] for row in site.sql("PRAGMA table_info(llm_provider)")]
    values = {"name": "own", "sealed_key": "gAAAAA", "enabled": 1, "quirks": "[]", "adapter": "openai_chat"}
    numbers = {row[1] for row in site.sql("PRAGMA table_info(llm_provider)") if row[2] not in ("varchar", "text")}
    row = [values.get(name, 0 if name in numbers else "") for name in names if name != "id"]
    listed = ", ".join(f'"{name}"' for name in names if name != "id")
    site.sql(f"INSERT INTO llm_provider ({listed}) VALUES ({', '.join('?' * len(row))})", *row)
    return {}


def another_version(site: Cluster, folder: Path) -> Settings:
    known = folder / "packages" / "orjson-0.0.1.dist-info"
    known.mkdir(parents=True)
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: orjson\nVersion: 0.0.1\n")
    return {"PYTHONPATH": folder / "packages"}


def settings(**values: Any) -> Callable[[Cluster, Path], Settings]:
    return lambda *_: values


def production(site: Cluster, folder: Path) -> Settings:
    return {"DEBUG": "false", "SITE_URL": "http://chat.example.org"}


FAULTS: dict[str, tuple[str, Callable[[Cluster, Path], Settings], str]] = {
    "no database": ("database", lambda *_: {"DATABASE_URL": f"postgres://u:{SECRET}@{nowhere()}/x"}, "DATABASE_URL"),
    "no tables": ("migrations", no_tables, "manage.py migrate"),
    "another layout": ("migrations", another_layout, "usage_counter.tokens"),
    "no Redis": ("redis", lambda *_: {"REDIS_URL": f"redis://:{SECRET}@{nowhere()}/0"}, "REDIS_URL"),
    "no mail server": ("mail", lambda *_: {"EMAIL_URL": f"smtp://u:{SECRET}@{nowhere()}"}, "EMAIL_URL"),
    "no provider": ("providers", lambda *_: {"GEMINI_BASE_URL": f"http://{nowhere()}"}, "Nothing answers"),
    "an unreadable key": ("providers", unreadable_key, "SECRETS_KEYS"),
    "no folder for files": ("files", no_folder, "MEDIA_ROOT"),
    "lost bytes": ("files", lost_bytes, "backup"),
    "a full disk": ("disk", settings(DISK_FREE_BYTES=10**15), "are free at MEDIA_ROOT"),
    "processes without stores": ("settings", settings(WEB_CONCURRENCY=2), "REDIS_URL"),
    "no https in production": ("settings", production, "SITE_URL"),
    "another version": ("versions", another_version, "orjson 0.0.1"),
}


def doctor(site: Cluster, values: Settings) -> tuple[int, dict[str, str]]:
    """Return the exit code, and what is said to be wrong with what."""
    done = site.manage("doctor", **{name: str(value) for name, value in values.items()})
    assert SECRET not in done.stdout + done.stderr
    assert "faults-xxx" not in done.stdout + done.stderr
    found = re.findall(r"^PROBLEM  (\w+): (.*\n {9}.*)$", done.stdout, re.MULTILINE)
    return done.returncode, {name: " ".join(said for each, said in found if each == name) for name, _ in found}


def test_nothing_is_wrong(site: Cluster) -> None:
    assert doctor(site, {}) == (0, {})


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(site: Cluster, tmp_path: Path, fault: str) -> None:
    where, plant, said = FAULTS[fault]
    code, found = doctor(site, plant(site, tmp_path))

    assert code == 1
    assert said in found[where]
    assert "could not be looked at" not in str(found)


def test_a_refused_key_is_found(site: Cluster, refusing: str) -> None:
    code, found = doctor(site, {"OPENAI_BASE_URL": refusing, "OPENAI_API_KEY": SECRET})

    assert (code, list(found)) == (1, ["providers"])
    assert "does not accept the key" in found["providers"]


@pytest.mark.django_db
def test_a_clock_that_is_ahead_is_found() -> None:
    out = io.StringIO()
    with time_machine.travel(timezone.now() + timedelta(minutes=1)), pytest.raises(CommandError, match="clock"):
        call_command("doctor", stdout=out)

    assert re.search(r"PROBLEM  clock: This machine's clock is \+(59|60)\.\d s", out.getvalue())


def test_it_knows_the_sqlite_that_mends_the_bug(site: Cluster) -> None:
    from common.sql import WAL_FIX

    _, found = doctor(site, {"DEBUG": "false"})

    assert ("SQLite" in found.get("versions", "")) == (sqlite3.sqlite_version_info < WAL_FIX)
