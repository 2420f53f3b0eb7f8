"""A real PgBouncer with the configuration of docs/operations.md."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.deploy.recipes import recipe, replaced
from tests.faults.stores import free_port, on_server

BINARY = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
CONNECTIONS = 3  # fewer than Parley has clients, so that transactions change places all the time


class PgBouncer:
    """A pooler before one database; it takes anybody, as the servers of the tests do."""

    def __init__(self, database_url: str) -> None:
        self._target = urlsplit(database_url)
        self.port = free_port()
        self.name = self._target.path.strip("/")
        self.url = f"postgres://{self._target.username}@127.0.0.1:{self.port}/{self.name}"
        self.admin_url = on_server(self.url, "pgbouncer")
        self._folder = Path(tempfile.mkdtemp(prefix="parley-pgbouncer-"))

    def _configuration(self) -> str:
        to, users = self._target, self._folder / "users"
        users.write_text(f'"{to.username}" "{to.password or ""}"\n')
        changes = {
            "parley = host=127.0.0.1 port=5432 dbname=parley": (
                f"{self.name} = host={to.hostname} port={to.port or 5432} dbname={self.name} user={to.username}"
            ),
            "listen_port = 6432": f"listen_port = {self.port}\nunix_socket_dir =\nadmin_users = {to.username}",
            "scram-sha-256": "trust",
            "/etc/pgbouncer/userlist.txt": str(users),
            "default_pool_size = 20": f"default_pool_size = {CONNECTIONS}",
        }
        return replaced(recipe("ini", "[pgbouncer]"), changes)

    def __enter__(self) -> "PgBouncer":
        assert BINARY is not None
        (self._folder / "pgbouncer.ini").write_text(self._configuration())
        user = []
        if os.getuid() == 0:  # which it refuses to run as
            subprocess.run(["chown", "-R", "postgres", self._folder], check=True)
            user = ["-u", "postgres"]
        self._popen = subprocess.Popen([BINARY, "-q", *user, self._folder / "pgbouncer.ini"])
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self._popen.poll() is None, "pgbouncer ended"
            assert time.monotonic() < deadline, "pgbouncer did not start"
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._popen.terminate()
        self._popen.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url.replace("postgres://", "postgresql://"), connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def server_connections(self) -> int:
        """Return how many connections to PostgreSQL it has."""
        with psycopg.connect(self.admin_url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            rows = connection.execute("SHOW SERVERS").fetchall()
        return len(rows)
