"""`manage.py serve`: the server that `make run` starts."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from config.checks import sqlite_warning
from config.server import prepare, serve
from ops.database_layout import layout_problem


class Command(BaseCommand):
    help = "Start the ASGI server."
    requires_system_checks = ["database"]  # the rest was checked when it was deployed

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--migrate", action="store_true", help="bring the database up to date first")

    def handle(self, *args: Any, host: str, port: int, migrate: bool, **options: Any) -> None:
        if migrate:
            call_command("migrate", verbosity=0)
        problem = layout_problem()
        if problem:
            raise CommandError(problem)
        prepare()
        leave_database()
        site = f"http://localhost:{port}" if settings.DEBUG else settings.SITE_URL
        if warning := sqlite_warning():
            self.stderr.write(warning)
        self.stdout.write(f"Page      {site}/\nAPI docs  {site}/api/docs/")
        self.stdout.write(f"Admin     {site}/admin/ (make a staff user: .venv/bin/python manage.py createsuperuser)")
        self.stdout.flush()
        serve(host, port)


def leave_database() -> None:
    """Keep no connection: the processes that take requests have their own, and this one may be none of them."""
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]
