"""Where files lie: whether they can be written and read back, and are there."""

import secrets
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile

from files.models import File
from files.storage import name_of, storage
from ops.checkups.problem import Problem

LOOKED_AT = 20


def check_storage() -> Iterator[Problem]:
    for name in ("MEDIA_ROOT", "UPLOAD_FOLDER"):
        yield from writes_to(Path(getattr(settings, name)), name)
    try:
        came_back = _write_and_read()
    except Exception as error:  # each storage has errors of its own
        hint = "Compare FILES_STORAGE and FILES_STORAGE_OPTIONS, and the rights of the account or folder."
        yield Problem.of(error, "A file cannot be stored.", hint)
        return
    if not came_back:
        yield Problem("A file comes back other than it was stored.", "Do not use this storage.")
    newest = File.objects.filter(state=File.State.READY).order_by("-pk").values_list("pk", flat=True)[:LOOKED_AT]
    if missing := [str(id_) for id_ in newest if not storage().exists(name_of(id_))]:
        hint = "Is this the folder (or bucket) that all processes share? Else restore it from a backup."
        yield Problem(f"The bytes of {len(missing)} of the newest {len(newest)} files are missing: {missing[0]}.", hint)


def _write_and_read() -> bool:
    data = secrets.token_bytes(64)
    name = storage().save(f"files/doctor-{secrets.token_hex(8)}", ContentFile(data))
    try:
        with storage().open(name) as file:
            return bool(file.read() == data)
    finally:
        storage().delete(name)


def writes_to(folder: Path, setting: str) -> Iterator[Problem]:
    """Yield a problem where no file can be written to a folder, which is made if need be."""
    probe = folder / f".doctor-{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        hint = f"Let the user that runs Parley write there, or set {setting} to another folder."
        yield Problem.of(error, f"Nothing can be written to {setting}.", hint)
