"""Where the bytes of files lie: the storage `files` of Django's `STORAGES`, under names of our making."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast
from uuid import UUID

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage, storages


def storage() -> Storage:
    return storages["files"]


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Have whatever a storage raises be an OSError, as it is of a folder: those of S3 are of their library's own."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError("the storage of files fails") from error


def name_of(id_: UUID, prompt: bool = False) -> str:
    """Return the name that the bytes of a file have in the storage, or what models are shown of it."""
    return f"files/{id_}.prompt" if prompt else f"files/{id_}"


@_as_os_error()
def write_bytes(id_: UUID, file: BinaryIO) -> None:
    """Store the bytes of a file."""
    file.seek(0)
    storage().save(name_of(id_), File(file))


@_as_os_error()
def write_prompt(id_: UUID, data: bytes) -> None:
    """Store what models are shown of a file; what was there before goes."""
    storage().delete(name_of(id_, prompt=True))
    storage().save(name_of(id_, prompt=True), ContentFile(data))


@_as_os_error()
def read_prompt(id_: UUID) -> bytes:
    """Return what models are shown of a file; raise OSError."""
    with storage().open(name_of(id_, prompt=True)) as file:
        return cast(bytes, file.read())


@_as_os_error()
def open_bytes(id_: UUID) -> BinaryIO:
    """Open a file; raise OSError."""
    return cast(BinaryIO, storage().open(name_of(id_)))


@_as_os_error()
def delete_bytes(id_: UUID) -> None:
    """Delete all that is stored of a file."""
    storage().delete(name_of(id_))
    storage().delete(name_of(id_, prompt=True))
