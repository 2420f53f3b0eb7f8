"""What models are shown of a file: made once, small, and kept beside it."""

import base64
import threading
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import transaction

from common.child_process import ChildFailed, run_child
from common.media import MediaType
from common.pictures import SmallPicture, make_small
from common.tasks import Void, task
from common.text import repaired
from common.unnamed_file import unnamed_file
from files.errors import FileUnreadable
from files.models import File
from files.signals import file_changed
from files.storage import open_bytes, write_prompt

SIDE = 1568  # what vendors scale larger pictures down to
CHILD = "files.pdf_text"
TIMEOUT = 40  # seconds
UNREADABLE, TOO_COMPLEX = "unreadable", "too_complex"
_children = threading.BoundedSemaphore(2)


def make_picture(file: BinaryIO, kind: MediaType) -> SmallPicture:
    """Return what models are shown of a picture; raise FileUnreadable."""
    try:
        return make_small(file, kind, SIDE, settings.FILE_MAX_PIXELS, "JPEG")
    except ChildFailed as error:
        raise FileUnreadable(str(error) or "This picture cannot be read.") from error


def write_picture(id_: UUID, picture: SmallPicture) -> int:
    """Keep it as base64, which is how every vendor takes it; return how long that is."""
    data = base64.b64encode(picture.data)
    write_prompt(id_, data)
    return len(data)


def write_text(id_: UUID, file: BinaryIO) -> int:
    """Keep the text of a text file, as much of it as models are shown; return how many bytes that is."""
    data = text_of(file).encode()
    write_prompt(id_, data)
    return len(data)


def text_of(file: BinaryIO) -> str:
    """Return the text of a text file, as much of it as models are shown."""
    most = settings.FILE_TEXT_CHARS
    file.seek(0)
    text = file.read(4 * most + 4).decode("utf-8-sig", "ignore")
    return _bounded(text[:most], "" if len(text) <= most else f"after {most:,} characters")


@task
def extract_text(id_: str) -> None:
    """Read the text of a PDF; what cannot be read is `failed`, and may be asked for again."""
    file = File.objects.filter(pk=id_, state=File.State.WAITING).first()
    if file is None:
        raise Void("it has been deleted, or read before")
    try:
        with open_bytes(file.pk) as stored, unnamed_file() as copy:
            while piece := stored.read(2**18):
                copy.write(piece)
            data = pdf_text(copy).encode()
    except ChildFailed as error:
        _settle(file, state=File.State.FAILED, error=str(error)[:40] or TOO_COMPLEX)
        return
    write_prompt(file.pk, data)
    _settle(file, state=File.State.READY, error="", prompt_size=len(data))


def pdf_text(file: BinaryIO) -> str:
    """Return the text of a PDF, as much of it as models are shown; raise ChildFailed, and Unavailable."""
    with _children:
        said = run_child(CHILD, [str(settings.FILE_TEXT_CHARS)], file, TIMEOUT)
    first, _, text = said.decode("utf-8", "replace").partition("\n")
    read, pages = first.split()
    return _bounded(repaired(text), "" if read == pages else f"after {read} of {pages} pages")


@transaction.atomic
def _settle(file: File, **values: object) -> None:
    if File.objects.filter(pk=file.pk, state=File.State.WAITING).update(**values):
        file_changed.send(File, owner_id=file.owner_id, file_id=file.pk)


def _bounded(text: str, cut: str) -> str:
    return f"{text}\n(cut {cut})" if cut else text
