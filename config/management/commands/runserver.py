"""`manage.py runserver [[host:]port]`: the same ASGI server, reloading when the code changes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.server import prepare, serve


class Command(BaseCommand):
    help = "Start the ASGI server with reload, for development."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("addrport", nargs="?", default="127.0.0.1:8000")
        parser.add_argument("--noreload", action="store_true")

    def handle(self, *args: Any, addrport: str, noreload: bool, **options: Any) -> None:
        host, _, port = addrport.rpartition(":")
        prepare()
        serve(host or "127.0.0.1", int(port), reload=not noreload)
