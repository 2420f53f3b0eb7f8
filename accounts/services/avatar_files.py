"""Avatar files: decoded within limits, written anew without metadata, under names of our making."""

import uuid
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from common.child_process import ChildFailed
from common.errors import BodyTooLarge, Invalid, Unavailable
from common.media import media_type_of
from common.pictures import make_small
from common.unnamed_file import unnamed_file

FORMATS = "PNG, JPEG, WebP, GIF or HEIC"
SIDE = 512


def avatar_path(name: str) -> Path:
    """Return where an avatar of this (server-made) name lies."""
    return Path(settings.MEDIA_ROOT) / "avatars" / name


def write_avatar_file(upload: "UploadedFile[bytes]") -> str:
    """Store an uploaded picture as a small WebP, and return its name; raise for what is no acceptable picture."""
    if (upload.size or 0) > settings.AVATAR_MAX_BYTES:
        raise BodyTooLarge(f"An avatar has at most {settings.AVATAR_MAX_BYTES} bytes.")
    data = _reencode(upload)
    name = f"{uuid.uuid4().hex}.webp"
    path = avatar_path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        remove_avatar_file(name)
        raise Unavailable("The picture could not be stored; try again later.") from error
    return name


def remove_avatar_file(name: str) -> None:
    """Delete a file, if it is there and can be deleted."""
    try:
        avatar_path(name).unlink(missing_ok=True)
    except OSError:
        return


def _reencode(upload: "UploadedFile[bytes]") -> bytes:
    """Have another process decode it, so that this one goes on answering meanwhile."""
    with unnamed_file() as file:  # which the child can read
        for chunk in upload.chunks():
            file.write(chunk)
        file.flush()
        kind = media_type_of(file)
        if kind is None or kind.kind != "image":
            raise _invalid(f"This is no {FORMATS} picture.")
        try:
            return make_small(file, kind, SIDE, settings.AVATAR_MAX_PIXELS, "WEBP").data
        except ChildFailed as error:
            raise _invalid(str(error) or "This picture cannot be read.") from error


def _invalid(message: str) -> Invalid:
    return Invalid(errors={"avatar": [message]})
