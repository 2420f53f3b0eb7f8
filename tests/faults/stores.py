"""Databases and Redis servers for the fault suite: what is shared is used under a name of its own, what is stopped is
started here."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

POSTGRES = os.environ.get("DATABASE_URL") or "postgres://postgres@127.0.0.1:5432/postgres"
REDIS = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def missing_services() -> str:
    """Return why the tests on shared services cannot run here, or nothing."""
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        return "runs once, with the suite on PostgreSQL and Redis (DATABASE_URL, REDIS_URL)"
    try:
        psycopg.connect(on_server(POSTGRES, "postgres"), connect_timeout=3).close()
        redis.Redis.from_url(REDIS, socket_connect_timeout=3).ping()
    except (psycopg.Error, redis.RedisError) as error:
        return f"PostgreSQL or Redis cannot be reached: {error}"
    return ""


def on_server(url: str, database: str) -> str:
    """Return the address of another database on the same server, as psycopg takes it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="postgresql", path=f"/{database}"))


class PostgresDatabase:
    """A database of its own on a running server, dropped at the end."""

    def __init__(self, server: str = POSTGRES) -> None:
        self._server = server
        self.name = f"test_faults_{secrets.token_hex(4)}"
        self.url = on_server(server, self.name).replace("postgresql://", "postgres://", 1)

    def __enter__(self) -> "PostgresDatabase":
        self._admin(f"CREATE DATABASE {self.name}")
        return self

    def __exit__(self, *_: object) -> None:
        self._admin(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def _admin(self, statement: str) -> None:
        with psycopg.connect(on_server(self._server, "postgres"), autocommit=True) as connection:
            connection.execute(statement)


class OwnRedis:
    """A redis-server on a free port that a test may stop and start as it likes."""

    binary = shutil.which("redis-server")

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "OwnRedis":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        assert self.binary is not None
        command = [self.binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
        deadline = time.monotonic() + 10
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server did not start"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port, socket_connect_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def flush_all(self) -> None:
        with redis.Redis(port=self.port) as client:
            client.flushall()


class OwnPostgres:
    """A PostgreSQL server in a folder of its own, on a free port, run by the user `postgres` where we are root."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self._folder = Path(tempfile.mkdtemp(prefix="parley-pg-"))

    @staticmethod
    def missing() -> str:
        """Return why no server can be started here, or nothing."""
        if _binaries() is None:
            return "initdb and pg_ctl were not found under /usr/lib/postgresql"
        if os.getuid() == 0 and (shutil.which("su") is None or not _user_exists()):
            return "PostgreSQL does not run as root, and there is no user `postgres`"
        return ""

    def __enter__(self) -> "OwnPostgres":
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres")
        self._run(f"initdb -D {self._folder}/data -U postgres -A trust -N")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run(f"pg_ctl -D {self._folder}/data -w -l {self._folder}/log -o '{options}' start")

    def stop(self, check: bool = True) -> None:
        self._run(f"pg_ctl -D {self._folder}/data -w -m immediate stop", check=check)

    def _run(self, command: str, check: bool = True) -> None:
        line = f"{_binaries()}/{command}"
        arguments = ["su", "postgres", "-c", line] if os.getuid() == 0 else ["sh", "-c", line]
        subprocess.run(arguments, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


def _binaries() -> Path | None:
    found = sorted(path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1] if found else None


def _user_exists() -> bool:
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return False
    return True
