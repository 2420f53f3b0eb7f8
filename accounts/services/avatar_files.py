"""Avatar files: decoded within limits, written anew without metadata, under names of our making."""

import io
import threading
import uuid
import warnings
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from PIL import Image, ImageOps

from common.errors import BodyTooLarge, Invalid, Unavailable

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SIDE = 512
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
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _small_webp(upload)
    except Invalid:
        raise
    except Exception as error:  # Pillow's parsers raise whatever a broken file makes them
        raise _invalid("This is no readable PNG, JPEG, WebP or GIF picture.") from error


def _small_webp(upload: "UploadedFile[bytes]") -> bytes:
    with Image.open(upload.file or upload, formats=FORMATS) as picture:
        width, height = picture.size
        if width * height > settings.AVATAR_MAX_PIXELS:  # known from the header, before anything is decoded
            raise _invalid(f"A picture has at most {settings.AVATAR_MAX_PIXELS} pixels.")
        picture.draft("RGB", (SIDE, SIDE))
        ImageOps.exif_transpose(picture, in_place=True)
        mode = "RGBA" if picture.has_transparency_data else "RGB"
        upright = picture if picture.mode == mode else picture.convert(mode)  # a copy would hold up all threads
        upright.thumbnail((SIDE, SIDE))
    clean = Image.new(upright.mode, upright.size)
    clean.paste(upright)
    written = io.BytesIO()
    clean.save(written, "WEBP", quality=85)
    return written.getvalue()


def _invalid(message: str) -> Invalid:
    return Invalid(errors={"avatar": [message]})
