"""`manage.py backup FOLDER`: the database and the files, while the server runs."""

import shutil
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ops.backups import MEDIA, NAMES, BackupFailed, Manifest, files_lie_elsewhere
from ops.backups.databases import dump_database
from ops.backups.media import pack_media, root


class Command(BaseCommand):
    help = "Writes the database and MEDIA_ROOT into a new folder, while the server runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        if folder.exists():
            raise CommandError(f"{folder} is there already; a backup wants a folder of its own.")
        if folder.resolve().is_relative_to(root().resolve()):
            raise CommandError("MEDIA_ROOT is what is backed up; a backup wants another place.")
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700, parents=True)
        manifest = Manifest.now()
        try:
            dump_database(partial / NAMES[manifest.database])
            count = pack_media(partial / MEDIA)
        except (BackupFailed, OSError) as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise CommandError(str(error)) from error
        manifest.write(partial)
        partial.rename(folder)
        self.stdout.write(f"The database and {count:,} files are in {folder}. Keep SECRET_KEY apart from it.")
        if files_lie_elsewhere():
            self.stderr.write("Users' files are not below MEDIA_ROOT (FILES_STORAGE): back up their storage as well.")
