"""`manage.py restore FOLDER`: a backup back into its place, while no server runs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from ops.backups import MEDIA, NAMES, BackupFailed, Manifest
from ops.backups.databases import is_database_empty, load_database
from ops.backups.media import is_media_empty, unpack_media
from ops.database_layout import layout_problem


class Command(BaseCommand):
    help = "Puts a backup back into the database and MEDIA_ROOT, while no server runs; into empty ones unless told."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--overwrite", action="store_true", help="replace what the database has")

    def handle(self, *args: Any, folder: Path, overwrite: bool, **options: Any) -> None:
        try:
            manifest = Manifest.of(folder)
            self._require_place(manifest, overwrite)
            load_database(folder / NAMES[manifest.database])
            count = unpack_media(folder / MEDIA)
        except (BackupFailed, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The database and {count:,} files are those of {manifest.made_at}.")
        if layout_problem():
            self.stdout.write(f"They are of version {manifest.version}: run `manage.py migrate` before the start.")

    def _require_place(self, manifest: Manifest, overwrite: bool) -> None:
        if manifest.database != connection.vendor:
            raise BackupFailed(
                f"This is a backup of {manifest.database}, and DATABASE_URL names {connection.vendor}. Restore it into "
                "the same kind of database; `manage.py copy_from_sqlite` brings SQLite's rows into PostgreSQL."
            )
        if not overwrite and not (is_database_empty() and is_media_empty()):
            raise BackupFailed("The database or MEDIA_ROOT is not empty; --overwrite replaces what is there.")
