"""An owner's files: found, listed, deleted, read again."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from files.errors import FileInUse, FileNotFound, FileNotReady
from files.models import File
from files.prompts import extract_text
from files.signals import file_changed
from files.sweep import expire, unused
from files.uploads import USABLE


def files_of(owner_id: int) -> "QuerySet[File]":
    """Return the files that their owner knows of."""
    return File.objects.filter(owner_id=owner_id, state__in=USABLE)


def get_file(owner_id: int, id_: UUID) -> File:
    """Return a file; raise FileNotFound for what is missing or not theirs."""
    row = files_of(owner_id).filter(pk=id_).first()
    if row is None:
        raise FileNotFound()
    return row


@transaction.atomic
def delete_file(owner_id: int, id_: UUID) -> None:
    """Have a file deleted that no message has; raise FileNotFound, FileInUse."""
    mine = files_of(owner_id).filter(pk=id_)
    locked = list(mine.select_for_update().values_list("pk", flat=True))
    if not locked:
        raise FileNotFound()
    if not unused(locked):
        raise FileInUse()
    expire(mine)
    file_changed.send(File, owner_id=owner_id, file_id=id_)


@transaction.atomic
def extract_again(owner_id: int, id_: UUID) -> File:
    """Have the text of a file read once more where that has failed."""
    row = files_of(owner_id).filter(pk=id_).select_for_update().first()
    if row is None:
        raise FileNotFound()
    if row.state == File.State.FAILED:
        row.state, row.error = File.State.WAITING, ""
        row.save(update_fields=["state", "error"])
        file_changed.send(File, owner_id=owner_id, file_id=id_)
        extract_text.enqueue(str(row.pk))
    return row


def ready_files(owner_id: int, ids: Iterable[UUID]) -> list[File]:
    """Return files in the order named; raise FileNotFound, and FileNotReady for what is still being read."""
    return _ready(files_of(owner_id), ids)


def claim_files(owner_id: int, ids: Iterable[UUID]) -> list[File]:
    """Do the same for the caller's transaction, which is about to refer to them: they are locked, and do not expire."""
    rows = _ready(files_of(owner_id).select_for_update(), ids)
    kept = [row.pk for row in rows if row.expires_at]
    File.objects.filter(pk__in=kept).update(expires_at=None)
    return rows


def _ready(mine: "QuerySet[File]", ids: Iterable[UUID]) -> list[File]:
    wanted = list(dict.fromkeys(ids))
    found = {row.pk: row for row in mine.filter(pk__in=wanted).order_by("pk")}
    if len(found) < len(wanted):
        raise FileNotFound()
    for row in found.values():
        if row.state == File.State.WAITING:
            require_ready(row)
    return [found[id_] for id_ in wanted]


def require_ready(file: File) -> None:
    """Raise FileNotReady, which says why."""
    if file.state == File.State.READY:
        return
    why = "could not be read" if file.state == File.State.FAILED else "is still being read"
    raise FileNotReady(f"{file.name} {why}.", extra={"file": file.pk, "state": file.state, "error": file.error})
