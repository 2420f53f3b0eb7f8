"""The quota: one row an owner, raised before a file is stored, so that no parallel uploads exceed it."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import F

from files.errors import SpaceExceeded
from files.models import Space


@dataclass(frozen=True, slots=True)
class SpaceUsed:
    size: int = 0
    files: int = 0


def space_of(owner_id: int) -> SpaceUsed:
    """Return what an owner's files take."""
    row = Space.objects.filter(pk=owner_id).values_list("size", "files").first()
    return SpaceUsed(*row) if row else SpaceUsed()


def require_room(owner_id: int, size: int) -> None:
    """Raise SpaceExceeded where a file of this size has no room any more; `take_space` has the last word."""
    used = space_of(owner_id)
    if used.size + size > settings.FILE_SPACE_BYTES or used.files >= settings.FILES_PER_USER:
        raise _refusal()


def take_space(owner_id: int, size: int) -> None:
    """Count a file in, inside the caller's transaction; raise SpaceExceeded."""
    room = Space.objects.filter(
        pk=owner_id, size__lte=settings.FILE_SPACE_BYTES - size, files__lt=settings.FILES_PER_USER
    )
    for _ in range(2):  # the row goes with the last file, perhaps at this moment
        Space.objects.bulk_create([Space(owner_id=owner_id)], ignore_conflicts=True)
        if room.update(size=F("size") + size, files=F("files") + 1):
            return
    raise _refusal()


def give_back(owner_id: int, size: int) -> None:
    """Count a file out whose bytes are gone."""
    Space.objects.filter(pk=owner_id).update(size=F("size") - size, files=F("files") - 1)
    Space.objects.filter(pk=owner_id, files=0).delete()


def _refusal() -> SpaceExceeded:
    megabytes = settings.FILE_SPACE_BYTES // 2**20
    return SpaceExceeded(f"There is no room for this file: {megabytes} MiB and {settings.FILES_PER_USER} files.")
