"""A backup is a folder with the database, `MEDIA_ROOT` and a word about them. It is complete once it has its name."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db import connection
from django.utils import timezone

from files.storage import storage

MANIFEST = "manifest.json"
NAMES = {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
MEDIA = "media.tar"


class BackupFailed(Exception):
    """The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    version: str
    database: str
    made_at: str

    @classmethod
    def now(cls) -> Self:
        return cls(settings.VERSION, connection.vendor, timezone.now().isoformat(timespec="seconds"))

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Read that of a backup; raise BackupFailed where the folder is none."""
        try:
            return cls(**json.loads((folder / MANIFEST).read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise BackupFailed(f"{folder} is no backup: it has no {MANIFEST} that can be read.") from error

    def write(self, folder: Path) -> None:
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=2) + "\n")


def files_lie_elsewhere() -> bool:
    """Tell whether users' files are not below `MEDIA_ROOT`, so that a backup has their rows only."""
    there = storage()
    return not isinstance(there, FileSystemStorage) or Path(there.location) != Path(settings.MEDIA_ROOT).resolve()
