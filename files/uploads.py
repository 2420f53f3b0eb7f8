"""Taking a file in: space first, then the bytes, then what models are shown of it.

The row comes before the bytes, so whatever dies in between leaves a row for the sweep, and never bytes without one.
"""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import PurePath
from typing import Any, BinaryIO

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from common.errors import BodyTooLarge, Unavailable
from common.media import MediaType, media_type_of
from common.retrying import retry_conflicts
from common.text import repaired
from common.unnamed_file import unnamed_file
from files.errors import FileNotFound, FileTypeRefused, FileUnreadable
from files.models import File
from files.prompts import extract_text, make_picture, write_picture, write_text
from files.signals import file_changed
from files.space import give_back, take_space
from files.storage import delete_bytes, write_bytes
from files.sweep import UPLOAD_HOURS, unused_until

NAME_CHARS = 255
AT_ONCE = 2**18  # characters of base64 that are decoded before other threads have their turn; a multiple of four
USABLE = (File.State.WAITING, File.State.READY, File.State.FAILED)


def take_file(owner_id: int, file: BinaryIO, name: str) -> tuple[File, bool]:
    """Store a file; return it, and False where its owner has the same bytes already, which is not stored again.

    Blocking, for a thread of its own. Raises BodyTooLarge, FileTypeRefused, FileUnreadable, SpaceExceeded, Unavailable.
    """
    name = clean_name(name)
    size, digest = _measure(file)
    kind = media_type_of(file, name)
    if kind is None:
        raise FileTypeRefused()
    if found := _same(owner_id, digest):
        return found, False
    row = File(
        owner_id=owner_id, sha256=digest, name=name, media_type=kind.name, size=size, state=File.State.UPLOADING,
        created_at=timezone.now(), expires_at=timezone.now() + timedelta(hours=UPLOAD_HOURS),
    )  # fmt: skip
    retry_conflicts(_reserve, row)
    with _undone_on_failure(row):
        values = _write(row, file, kind)
        try:
            retry_conflicts(_finish, row, values)
        except IntegrityError:  # the same bytes, sent twice at once
            if found := _same(owner_id, digest):
                _discard(row)
                return found, False
            raise
    return row, True


def take_base64(owner_id: int, data: str, name: str) -> tuple[File, bool]:
    """Do the same with what came in base64."""
    with unnamed_file() as file:
        write_base64(file, data)
        return take_file(owner_id, file, name)


def write_base64(file: BinaryIO, data: str) -> None:
    """Write what base64 stands for; raise FileUnreadable."""
    try:
        file.writelines(base64.b64decode(data[at : at + AT_ONCE]) for at in range(0, len(data), AT_ONCE))
    except ValueError as error:
        raise FileUnreadable("This is no base64.") from error
    file.flush()


def clean_name(name: str) -> str:
    """Return the last step of a path, without what moves a cursor or ends a line, never empty."""
    last = PurePath(repaired(name).replace("\\", "/")).name
    shown = "".join(char for char in last if char.isprintable()).strip()
    if len(shown) > NAME_CHARS:
        suffix = PurePath(shown).suffix[:20]
        shown = shown[: NAME_CHARS - len(suffix)] + suffix
    return shown if shown.strip(".") else "file"


def _measure(file: BinaryIO) -> tuple[int, str]:
    file.seek(0)
    size, digest = 0, hashlib.sha256()
    while piece := file.read(2**18):
        size += len(piece)
        digest.update(piece)
    if size > settings.FILE_MAX_BYTES:
        raise BodyTooLarge(f"A file has at most {settings.FILE_MAX_BYTES:,} bytes.")
    return size, digest.hexdigest()


@transaction.atomic
def _same(owner_id: int, digest: str) -> File | None:
    """Return the file of the same bytes; it is kept as long as if it had just been sent."""
    mine = File.objects.filter(owner_id=owner_id, sha256=digest, state__in=USABLE)
    mine.filter(expires_at__isnull=False).update(expires_at=unused_until())
    return mine.first()


@transaction.atomic
def _reserve(row: File) -> None:
    row.save(force_insert=True)
    take_space(row.owner_id, row.size)


def _write(row: File, file: BinaryIO, kind: MediaType) -> dict[str, Any]:
    """Write all that is stored of a file; return what is known of it by then."""
    picture = make_picture(file, kind) if kind.kind == "image" else None
    write_bytes(row.pk, file)
    if picture:
        size = write_picture(row.pk, picture)
        return {"state": File.State.READY, "prompt_size": size, "width": picture.width, "height": picture.height}
    if kind.kind == "text":
        return {"state": File.State.READY, "prompt_size": write_text(row.pk, file)}
    return {"state": File.State.WAITING}


@transaction.atomic
def _finish(row: File, values: dict[str, Any]) -> None:
    values = {**values, "expires_at": unused_until()}
    if not File.objects.filter(pk=row.pk, state=File.State.UPLOADING).update(**values):
        raise FileNotFound("The account was deleted meanwhile.")
    for name, value in values.items():
        setattr(row, name, value)
    file_changed.send(File, owner_id=row.owner_id, file_id=row.pk)
    if row.state == File.State.WAITING:
        extract_text.enqueue(str(row.pk))


@contextmanager
def _undone_on_failure(row: File) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        _discard(row)
        if isinstance(error, OSError):
            raise Unavailable("The file could not be stored; try again later.") from error
        raise


def _discard(row: File) -> None:
    """Take back what was begun; what fails of that is left to the sweep."""
    try:
        delete_bytes(row.pk)
    except OSError:
        return
    with transaction.atomic():
        if File.objects.filter(pk=row.pk).delete()[0]:
            give_back(row.owner_id, row.size)
