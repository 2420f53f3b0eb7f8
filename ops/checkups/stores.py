"""The database: whether it answers, has room for our connections, and has our tables."""

from collections.abc import Iterator

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from ops.checkups.problem import Problem
from ops.database_layout import layout_problem


def check_database() -> Iterator[Problem]:
    try:
        connection.ensure_connection()
    except Error as error:
        hint = "Start it, and compare DATABASE_URL with its address, user, password and name."
        yield Problem.of(error, "The database does not answer.", hint)
        return
    if connection.vendor == "postgresql" and settings.DATABASE_POOLER == "none":
        yield from _room()


def _room() -> Iterator[Problem]:
    """Compare what all processes of this server take with what PostgreSQL gives."""
    engine = settings.DATABASE_READERS + settings.DATABASE_WRITERS + 1
    wanted = settings.WEB_CONCURRENCY * (settings.DATABASE_POOL + engine)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        )
        [given] = cursor.fetchone()
    if wanted > given:
        what = f"This server may open {wanted} connections; PostgreSQL gives {given} to everybody."
        yield Problem(what, "Raise max_connections, lower DATABASE_POOL or WEB_CONCURRENCY, or use a pooler.")


def check_migrations() -> Iterator[Problem]:
    executor = MigrationExecutor(connection)
    due = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if due:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in due[:5])
        yield Problem(f"{len(due)} migrations are due: {names}.", "Make a backup, then run `manage.py migrate`.")
    elif problem := layout_problem():
        what, _, advice = problem.partition(". ")
        yield Problem(f"{what}.", advice)
