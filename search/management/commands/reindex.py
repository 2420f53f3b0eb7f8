from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from search.rebuilding import clear_index, reindex


class Command(BaseCommand):
    help = (
        "Index all titles, messages and notes anew, a few at a time, while the server runs: after the search was "
        "switched on, or where what it finds looks wrong. With SEARCH=false it empties the index instead."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SEARCH:
            self.stdout.write(f"{clear_index():,} documents are gone.")
            return
        count = 0
        for count in reindex():
            self.stdout.write(f"{count:,} titles, messages and notes", ending="\r")
        self.stdout.write(f"{count:,} titles, messages and notes are indexed.")
