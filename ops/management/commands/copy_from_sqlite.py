"""`manage.py copy_from_sqlite FILE`: from SQLite to PostgreSQL, while no server runs."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, connections, transaction
from django.db.migrations.recorder import MigrationRecorder

from files.models import File
from files.storage import name_of, storage
from ops.backups.databases import is_database_empty
from ops.copying import (
    SOURCE,
    TARGET,
    copied_models,
    copy_rows,
    empty_target,
    fingerprint,
    open_source,
    reset_sequences,
)


class Command(BaseCommand):
    help = (
        "Copies all rows of an SQLite database into the PostgreSQL database of DATABASE_URL, which is migrated and "
        "has no accounts, in one transaction, and compares every row. No server may run on either."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        if connection.vendor != "postgresql":
            raise CommandError("DATABASE_URL does not name a PostgreSQL database.")
        if not file.is_file():
            raise CommandError(f"{file} is not there.")
        open_source(file)
        self._require_same_tables()
        if not is_database_empty():
            raise CommandError("The database of DATABASE_URL has accounts already; make an empty one and migrate it.")
        with transaction.atomic(), transaction.atomic(using=SOURCE):
            self._copy()
        call_command("reindex", stdout=self.stdout)
        self._look_for_files()

    def _require_same_tables(self) -> None:
        source, target = (set(MigrationRecorder(connections[each]).applied_migrations()) for each in (SOURCE, TARGET))
        if source != target:
            named = ", ".join(".".join(each) for each in sorted(source ^ target)[:3])
            raise CommandError(f"The two are not of one version ({named}): run `manage.py migrate` on both first.")

    def _copy(self) -> None:
        empty_target()
        for model in copied_models():
            count = copy_rows(model)
            if count:
                self.stdout.write(f"{count:>9,}  {model._meta.label}")
        reset_sequences()
        for model in copied_models():
            if fingerprint(model, SOURCE) != fingerprint(model, TARGET):
                raise CommandError(f"{model._meta.label} is not the same afterwards, so nothing was copied.")
        self.stdout.write("Every row is the same in both.")

    def _look_for_files(self) -> None:
        ids = File.objects.filter(state=File.State.READY).values_list("pk", flat=True)
        missing = [id_ for id_ in ids.iterator() if not storage().exists(name_of(id_))]
        if missing:
            raise CommandError(f"The rows are copied; the bytes of {len(missing)} files are missing below MEDIA_ROOT.")
        self.stdout.write(f"{len(ids):,} files are where they were.")
