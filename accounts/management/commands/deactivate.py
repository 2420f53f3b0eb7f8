"""`manage.py deactivate EMAIL`: close an account without deleting anything."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User


class Command(BaseCommand):
    help = "Deactivates an account: every session, key and grant ends at the next request."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        try:
            user = User.objects.get_by_natural_key(email)
        except User.DoesNotExist as error:
            raise CommandError("There is no account with this address.") from error
        user.is_active = False
        user.save(update_fields=["is_active", "updated_at"])
        self.stdout.write(f"{user.email} is deactivated.")
