"""What a file is, by its bytes: a closed table. Whatever a client says of a file does not matter here.

Pictures and PDFs are known by how they begin. Anything else is text, if it is UTF-8, and its name only says of which
kind; HTML, SVG and scripts are plain text here, and are never served as anything else.
"""

import codecs
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO, Literal

Kind = Literal["image", "pdf", "text"]


@dataclass(frozen=True, slots=True)
class MediaType:
    name: str
    kind: Kind
    format: str = ""  # as Pillow calls it
    shown: bool = False  # whether browsers draw it


PNG = MediaType("image/png", "image", "PNG", shown=True)
JPEG = MediaType("image/jpeg", "image", "JPEG", shown=True)
GIF = MediaType("image/gif", "image", "GIF", shown=True)
WEBP = MediaType("image/webp", "image", "WEBP", shown=True)
HEIC = MediaType("image/heic", "image", "HEIF")
PDF = MediaType("application/pdf", "pdf")
TEXT = MediaType("text/plain", "text")
_BY_NAME = {
    ".md": MediaType("text/markdown", "text"),
    ".markdown": MediaType("text/markdown", "text"),
    ".csv": MediaType("text/csv", "text"),
    ".json": MediaType("application/json", "text"),
}
PICTURES = (PNG, JPEG, GIF, WEBP, HEIC)
MEDIA_TYPES = {each.name: each for each in (*PICTURES, PDF, TEXT, *_BY_NAME.values())}
_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG), (b"GIF87a", GIF), (b"GIF89a", GIF), (b"%PDF-", PDF),
)  # fmt: skip
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1")
HEAD = 16  # bytes by which they are known
_AT_ONCE = 2**18


def media_type_of(file: BinaryIO, name: str = "") -> MediaType | None:
    """Return what a file is, None for what is not taken; the file is read from its beginning and left anywhere."""
    file.seek(0)
    head = file.read(HEAD)
    if found := _by_head(head):
        return found
    file.seek(0)
    return _BY_NAME.get(PurePath(name).suffix.lower(), TEXT) if head and _is_text(file) else None


def is_picture(head: bytes) -> bool:
    """Tell whether a file begins like a picture that is taken."""
    return _by_head(head) in PICTURES


def _by_head(head: bytes) -> MediaType | None:
    for beginning, found in _BEGINNINGS:
        if head.startswith(beginning):
            return found
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return HEIC
    return None


def _is_text(file: BinaryIO) -> bool:
    """Tell whether it is UTF-8 all through, without NUL."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := file.read(_AT_ONCE):
            if b"\0" in piece:
                return False
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
