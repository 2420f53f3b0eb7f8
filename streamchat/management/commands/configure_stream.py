"""Tell Stream of the bot: python manage.py configure_stream [--dry-run]"""

import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from streamchat.client import Client
from streamchat.configure import configure
from streamchat.errors import StreamError
from streamchat.identity import is_configured


class Command(BaseCommand):
    help = "Register the slash commands, the address of the hook and the bot's user with Stream; may be run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        if not is_configured():
            raise CommandError("Set STREAM_API_KEY and STREAM_API_SECRET first.")
        try:
            asyncio.run(self._configure(dry_run))
        except StreamError as error:
            raise CommandError(f"Stream: {error}") from error

    async def _configure(self, dry_run: bool) -> None:
        client = Client()
        try:
            async for line in configure(client, dry_run=dry_run):
                self.stdout.write(line)
        finally:
            await client.close()
