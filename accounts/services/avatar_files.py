"""Avatar files: decoded within limits, written anew without metadata, under names of our making."""

import subprocess
import sys
import threading
import uuid
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from common.errors import BodyTooLarge, Invalid, Unavailable

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SIDE = 512
TIMEOUT = 30  # seconds
PROJECT = Path(__file__).resolve().parents[2]
DECODER = "common.small_picture"  # imported by its own process alone
# Decoding 25 megapixels takes 100 MB; two at a time are enough for faces.
_decoders = threading.BoundedSemaphore(2)


def avatar_path(name: str) -> Path:
    """Return where an avatar of this (server-made) name lies."""
    return Path(settings.MEDIA_ROOT) / "avatars" / name


def write_avatar_file(upload: "UploadedFile[bytes]") -> str:
    """Store an uploaded picture as a small WebP, and return its name; raise for what is no acceptable picture."""
    if (upload.size or 0) > settings.AVATAR_MAX_BYTES:
        raise BodyTooLarge(f"An avatar has at most {settings.AVATAR_MAX_BYTES} bytes.")
    with _decoders:
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
    command = [sys.executable, "-m", DECODER, str(SIDE), str(settings.AVATAR_MAX_PIXELS), *FORMATS]
    try:
        done = subprocess.run(  # noqa: S603  (our own module)
            command, input=upload.read(), capture_output=True, cwd=PROJECT, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _invalid("This picture takes too long to read.") from error
    except OSError as error:
        raise Unavailable("The picture could not be read; try again later.") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() if done.returncode == 1 else ""
        raise _invalid(said or "This picture cannot be read.")
    written: bytes = done.stdout
    return written


def _invalid(message: str) -> Invalid:
    return Invalid(errors={"avatar": [message]})
