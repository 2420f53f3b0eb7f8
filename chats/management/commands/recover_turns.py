"""`manage.py recover_turns`: end the turns whose process is gone, by hand; safe anywhere and at any time."""

from typing import Any

from django.core.management.base import BaseCommand

from chats.turns.engine import end_expired


class Command(BaseCommand):
    help = "End turns whose lease has expired as interrupted, with their text kept."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{end_expired()} turns ended")
