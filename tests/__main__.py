"""`make test`: the whole suite on SQLite, then on PostgreSQL and Redis where they can be reached.

`DATABASE_URL` and `REDIS_URL` name them, else the standard local ports are tried. What was left out is said at the end;
with `REQUIRE_SERVICES=1` (CI) leaving anything out is a failure.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis

LOCAL_POSTGRES = (
    "postgres://postgres@127.0.0.1:5432/postgres",
    "postgres://postgres:postgres@127.0.0.1:5432/postgres",
    "postgres:///postgres",
)
# What knows no database, or asks the same of each, and takes long, once: on the larger set-up where there is one.
ONCE = (
    "tests/browser", "tests/clients", "tests/test_hostile_text.py", "tests/test_origins.py", "config/*",
    "compat/tests/test_openai_*.py", "tests/deploy/test_containers.py",
    "files/tests/test_bombs.py", "files/tests/test_serving.py",
    *(f"llm/tests/test_{name}.py" for name in ("dialects", "faults", "odd_*", "official_*", "params", "switching")),
)  # fmt: skip
ROOT = Path(__file__).resolve().parent.parent
# Two checkouts on one machine may be tested at once: each has a database and a prefix in Redis of its own.
HERE = f"parley_{hashlib.sha256(bytes(ROOT)).hexdigest()[:8]}"
PLANS = ("chats/tests/test_query_plans.py", "chats/tests/test_rows.py")
# What the recipes of docs/operations.md are tried with (tests/deploy).
PROGRAMS = {"nginx": "the proxy", "pgbouncer": "the connection pooler", "pg_dump": "backups", "curl": "the restart"}
LOCAL_REDIS = "redis://127.0.0.1:6379/0"


def reachable_postgres() -> str | None:
    """Return the address of a PostgreSQL server that lets us make the database of this checkout, or None."""
    given = os.environ.get("DATABASE_URL", "")
    for url in [given] if given.startswith("postgres") else LOCAL_POSTGRES:
        try:
            with psycopg.connect(url.replace("postgres://", "postgresql://", 1), connect_timeout=3) as connection:
                row = connection.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = user").fetchone()
        except psycopg.Error:
            continue
        if row and row[0]:
            return urlunsplit(urlsplit(url)._replace(path=f"/{HERE}"))
    return None


def reachable_redis() -> str | None:
    """Return the address of a Redis server that answers, or None."""
    url = os.environ.get("REDIS_URL") or LOCAL_REDIS
    try:
        redis.Redis.from_url(url, socket_connect_timeout=3).ping()
    except redis.RedisError:
        return None
    return url


def run(label: str, *options: str, **environment: str) -> int:
    sys.stdout.write(f"\n=== Tests on {label}\n")
    sys.stdout.flush()
    begun = time.monotonic()
    clean = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    command = [sys.executable, "-m", "pytest", *options, *sys.argv[1:]]
    status = subprocess.run(command, env={**clean, **environment}).returncode
    sys.stdout.write(f"=== {label}: {(time.monotonic() - begun) / 60:.0f} minutes\n")
    return status


def newest_sqlite() -> str | None:
    """Return a folder with a newer SQLite than Python's, or None where it is not to be had."""
    folder = Path(sys.prefix) / "newest-sqlite"
    wanted = (ROOT / "requirements-sqlite.txt").read_text().split()[-1]
    if not folder.is_dir():
        quietly = ("--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:")
        subprocess.run([sys.executable, "-m", "pip", "install", *quietly, "--target", str(folder), wanted], check=False)
    return str(folder) if (folder / "pysqlite3").is_dir() else None


def main() -> int:
    postgres, cache = reachable_postgres(), reachable_redis()
    both = bool(postgres and cache)
    stores = "SQLite, then PostgreSQL and Redis" if both else "SQLite"
    sys.stdout.write(f"The suite on {stores}: on two free cores each takes about a quarter of an hour.\n")
    once = [f"--ignore-glob={each}" for each in ONCE] if both else []
    failed = run("SQLite and memory", *once) != 0
    left_out = []
    if postgres and cache:
        failed |= run("PostgreSQL and Redis", DATABASE_URL=postgres, REDIS_URL=cache, REDIS_PREFIX=HERE) != 0
    else:
        missing = [name for name, found in (("PostgreSQL", postgres), ("Redis", cache)) if not found]
        left_out.append(f"the whole suite on PostgreSQL and Redis ({' and '.join(missing)} not reachable)")
    if newest := newest_sqlite():
        failed |= run("a newer SQLite (query plans)", *PLANS, PYTHONPATH=newest) != 0
    else:
        left_out.append("the query plans on a newer SQLite (pysqlite3 cannot be installed)")
    for program, what in PROGRAMS.items():
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            left_out.append(f"{what} ({program} is not installed)")
    for what in left_out:
        sys.stdout.write(f"LEFT OUT: {what}\n")
    return int(failed or bool(left_out and os.environ.get("REQUIRE_SERVICES")))


if __name__ == "__main__":
    sys.exit(main())
