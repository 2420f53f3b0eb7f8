"""`manage.py prune`: delete what has had its time."""

from argparse import ArgumentTypeError
from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from ops.retention import USAGE_LEAST_DAYS, kinds, usage_until


def past_day(text: str) -> date:
    """Read a date that no limit by the month looks at any more."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a date such as 2026-01-31") from error
    if day > (newest := timezone.now().date() - timedelta(days=USAGE_LEAST_DAYS)):
        raise ArgumentTypeError(f"limits by the month need what is newer than {newest}")
    return day


class Command(BaseCommand):
    help = "Deletes what is kept for a time only and has had it, some hundred rows at once, while the server runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count what would go")
        parser.add_argument(
            "--usage-before", type=past_day, help="attempts and counters of earlier days go too, whatever the settings"
        )

    def handle(self, *args: Any, dry_run: bool, usage_before: date | None, **options: Any) -> None:
        total = 0
        for kind in kinds(usage_before or usage_until()):
            count = kind.rows().count() if dry_run else sum(kind.prune())
            total += count
            self.stdout.write(f"{count:>9,}  {kind.name}")
        self.stdout.write(f"{total:>9,}  in all {'would go' if dry_run else 'are gone'}")
